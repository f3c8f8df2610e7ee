"""An audit as text: how much was asked, then the findings, the most serious first, each in a few lines."""

import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby

from wayhome.diagnosis.audit.audit import Audit, Finding
from wayhome.diagnosis.audit.configuration import Fault
from wayhome.diagnosis.audit.outcome import Severity
from wayhome.diagnosis.audit.sources import Source
from wayhome.network import Flow, Protocol
from wayhome.prefixes import Prefix
from wayhome.report.line import Line, Role
from wayhome.report.missing import missing_lines
from wayhome.report.names import place, short, shortened

MOST_SHOWN = 4
MOST_OF_A_KIND = 3
"""Findings that are told in full where several have the same cause and drop: one network after the other says the same."""
LOSSES = (Severity.REPLY_LOST, Severity.LOST, Severity.REFUSED)
TITLES = {
    Severity.REPLY_LOST: "the reply is lost",
    Severity.LOST: "lost on the way out",
    Severity.REFUSED: "refused",
    Severity.UNDETERMINED: "not known",
    Severity.AMBIGUOUS: "at times",
}


def lines(
    audit: Audit, directory: str, *, ignored: Iterable[str] = (), everything: bool = False
) -> Iterator[Line]:
    """The text, line by line. `directory` is where the exports are; of each kind the first ones, or `everything`."""
    left_out = set(ignored)
    most = None if everything else MOST_OF_A_KIND
    yield from _head(audit)
    told = ((number, finding) for number, finding in enumerate(_shown(audit, left_out), 1))
    for _, group in groupby(told, key=lambda one: one[1].kind):
        of_kind = list(group)
        for number, finding in of_kind[:most]:
            yield Line("")
            yield from _finding(number, finding, directory)
        yield from _more(
            [finding for _, finding in of_kind[len(of_kind) if most is None else most :]]
        )
    yield from _left_out(audit, left_out)
    yield from _faults([fault for fault in audit.faults if fault.kind not in left_out], most)


def _shown(audit: Audit, left_out: set[str]) -> Iterator[Finding]:
    for finding in audit.findings:
        if finding.severity in TITLES and str(finding.outcome.cause) not in left_out:
            yield finding


def _more(findings: list[Finding]) -> Iterator[Line]:
    """What the others of a kind concern together."""
    if not findings:
        return
    names = ", ".join(name for name in findings[0].kind[1:] if name)
    addresses = sum(finding.addresses for finding in findings)
    classes = sum(finding.classes for finding in findings)
    yield Line("")
    yield Line(
        f"and {counted(len(findings), 'more finding', 'more findings')} of this kind"
        f"{f' ({names})' if names else ''}, in other networks or on other ways: "
        f"{counted(addresses, 'address', 'addresses')} in {counted(classes, 'class', 'classes')}; --all prints them",
        3,
        role=Role.UNSURE,
    )


def _kind(fault: Fault) -> tuple[bool, str]:
    return fault.note, fault.kind


def _faults(faults: list[Fault], most: int | None) -> Iterator[Line]:
    if faults:
        yield Line("")
        yield Line("the configuration itself:")
    for (_, kind), group in groupby(sorted(faults, key=_kind), key=_kind):
        of_kind = list(group)
        for fault in of_kind[:most]:
            yield from _fault(fault)
        if most is not None and len(of_kind) > most:
            yield Line(f"and {len(of_kind) - most:,} more of {kind}; --all prints them", 2)


def _head(audit: Audit) -> Iterator[Line]:
    clusters = len({source.cluster for source in audit.sources})
    ranges = len({(source.cluster, source.node, source.range) for source in audit.sources})
    addresses = sum(last - first + 1 for first, last in audit.destinations.spans)
    yield Line(
        f"{counted(ranges, 'Pod range')} of {counted(clusters, 'cluster')} to "
        f"{counted(addresses, 'address', 'addresses')} outside, by every protocol and port: "
        f"{counted(audit.classes, 'class', 'classes')} of flows, all of them asked"
    )
    tallies = [
        f"{title}: {counted(sum(f.classes for f in audit.of(severity)), 'class', 'classes')}"
        for severity, title in TITLES.items()
        if audit.of(severity)
    ]
    role = Role.BAD if any(audit.of(severity) for severity in LOSSES) else Role.UNSURE
    yield (
        Line("; ".join(tallies), 2, role=role)
        if tallies
        else Line("nothing is lost", 2, role=Role.GOOD)
    )
    if audit.of_google:
        clusters = len({name.partition("/k8s/")[0] for name in audit.of_google})
        nodes = counted(len(audit.of_google), "node")
        yield Line(
            f"{nodes} of {counted(clusters, 'cluster')} were not exported with kubectl: their Pod ranges are those of "
            "Google's routes and alias ranges, and what masquerades there is not known",
            2,
            role=Role.UNSURE,
        )
    for node in audit.without_range:
        yield Line(f"{short(node)} has no Pod range in the exports, and was not asked about", 2)


def _finding(number: int, finding: Finding, directory: str) -> Iterator[Line]:
    outcome = finding.outcome
    names = ", ".join(str(name) for name in (outcome.cause, outcome.drop) if name)
    title = f"{TITLES[finding.severity]}{f' ({names})' if names else ''}"
    role = Role.BAD if finding.severity in LOSSES else Role.UNSURE
    yield Line(
        f"{title}: {_from(finding)} to {prefix_list(finding.prefixes)}", 0, f"{number}. ", role
    )
    ports = "every protocol and port" if finding.all_ports else some(finding.ports)
    classes = counted(finding.classes, "class", "classes")
    yield Line(f"{counted(finding.addresses, 'address', 'addresses')} in {classes}, by {ports}", 3)
    if outcome.because:
        yield Line(shortened(outcome.because), 3, "because ")
    yield from missing_lines(finding.missing[:MOST_SHOWN], 3)
    if len(finding.missing) > MOST_SHOWN:
        yield Line(f"and {len(finding.missing) - MOST_SHOWN:,} more facts", 3, role=Role.UNSURE)
    yield example(*finding.examples[0], directory)
    for evidence in finding.deciding[:MOST_SHOWN]:
        yield Line(place(evidence), 3, "decided by ", Role.QUIET)


def example(source: Source, flow: Flow, directory: str) -> Line:
    """One flow of a class: the question that answers it in full, where an exported Pod asks."""
    if source.stand_in:
        none = f"no exported Pod has an address in that part of {source.range}"
        return Line(f"{flow}; {none}", 3, "for example ")
    parts = source.at.partition("/k8s/")[2].split("/")
    host = (
        f"[{flow.destination}]"
        if ":" in str(flow.destination) and flow.port
        else str(flow.destination)
    )
    port = "" if flow.port is None else f":{flow.port}"
    protocol = " --protocol udp" if flow.protocol is Protocol.UDP else ""
    words = f"$ wayhome why {parts[1]}/{parts[3]} {host}{port}{protocol} --from {shlex.quote(directory)}"
    return Line(words, 3, "", Role.COMMAND)


def _from(finding: Finding) -> str:
    ranges = list(dict.fromkeys(source.range for source in finding.sources))
    clusters = [name.rpartition("/")[2] for name in finding.clusters]
    named = clusters[0] if len(clusters) == 1 else f"{len(clusters):,} clusters"
    return f"{named}, {prefix_list(ranges)}"


def prefix_list(prefixes: Iterable[Prefix]) -> str:
    """The widest first, because they say most."""
    ordered = sorted(
        prefixes,
        key=lambda prefix: (prefix.family, prefix.length - prefix.family.bits, prefix.first),
    )
    return some([str(prefix) for prefix in ordered])


def some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    found = list(names)
    more = len(found) - MOST_SHOWN
    return ", ".join(found[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _left_out(audit: Audit, ignored: set[str]) -> Iterator[Line]:
    nobody = audit.of(Severity.NOBODY)
    left_out = [
        f for f in audit.findings if f.severity in TITLES and str(f.outcome.cause) in ignored
    ]
    if nobody or left_out:
        yield Line("")
    if nobody:
        classes = counted(sum(finding.classes for finding in nobody), "class", "classes")
        yield Line(f"{classes} of flows to addresses that nobody has (no finding)", role=Role.QUIET)
    if left_out:
        classes = counted(sum(finding.classes for finding in left_out), "class", "classes")
        causes = ", ".join(sorted({str(finding.outcome.cause) for finding in left_out}))
        yield Line(f"{classes} ignored ({causes})", role=Role.QUIET)


def _fault(fault: Fault) -> Iterator[Line]:
    kind = f"{'note: ' if fault.note else ''}{fault.kind}: "
    role = Role.TEXT if fault.note else Role.BAD
    yield Line(f"{short(fault.about)}: {fault.problem}", 2, kind, role)
    yield Line(fault.instead, 4)
    for evidence in fault.evidence[:1]:
        yield Line(place(evidence), 4, "", Role.QUIET)


def counted(count: int, one: str, several: str = "") -> str:
    """`1 class`, `2 classes`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
