"""Two states compared, as text: what got lost first, and which changed object did it."""

from collections.abc import Iterator

from wayhome.diagnosis.audit.compare import Comparison, Difference, severity
from wayhome.diagnosis.audit.outcome import Outcome, Severity
from wayhome.report.audit_text import MOST_SHOWN, TITLES, counted, example, prefix_list, some
from wayhome.report.line import Line, Role
from wayhome.report.missing import missing_lines
from wayhome.report.names import place, short, shortened

MOST_OBJECTS = 6
MOST_DIFFERENCES = 20
"""That are told: a change in a large estate makes one for each network."""


def lines(comparison: Comparison, directory: str, *, everything: bool = False) -> Iterator[Line]:
    """The text, line by line. `directory` is where the exports of the second state are."""
    most = len(comparison.differences) if everything else MOST_DIFFERENCES
    worse = sum(1 for one in comparison.differences if one.worse)
    better = len(comparison.differences) - worse
    role = Role.BAD if worse else Role.GOOD if comparison.compared else Role.UNSURE
    yield Line(
        f"{counted(worse, 'outcome')} worse, {better:,} not worse: {counted(len(comparison.changes), 'object')} "
        f"changed; {counted(comparison.compared, 'Pod range')} asked in both",
        role=role,
    )
    for title, sources in (("only before", comparison.gone), ("only now", comparison.new)):
        for source in sources:
            yield Line(f"{source.range} of {source.node}", 2, f"{title}: ")
    for number, difference in enumerate(comparison.differences[:most], 1):
        yield Line("")
        yield from _difference(number, difference, directory)
    if more := comparison.differences[most:]:
        yield Line("")
        worse = sum(1 for one in more if one.worse)
        yield Line(
            f"and {counted(len(more), 'outcome')} more, {worse:,} of them worse; --all prints them",
            role=Role.BAD if worse else Role.GOOD,
        )


_NOT_WORSE = {Severity.NOBODY: "gone", Severity.REACHABLE: "better"}


def _difference(number: int, difference: Difference, directory: str) -> Iterator[Line]:
    ranges = dict.fromkeys(source.range for source in difference.sources)
    sign = {1: "worse", 3: "no more known", 0: "otherwise"}[difference.worse]
    if not difference.worse and severity(difference.after) in _NOT_WORSE:
        sign = _NOT_WORSE[severity(difference.after)]
    cluster = difference.sources[0].cluster.rpartition("/")[2]
    ports = "every protocol and port" if difference.all_ports else some(difference.ports)
    yield Line(
        f"{sign}: {_outcome(difference.before)} -> {_outcome(difference.after)}: {cluster}, "
        f"{prefix_list(ranges)} to {prefix_list(difference.prefixes)}, by {ports}",
        0,
        f"{number}. ",
        Role.BAD if difference.worse else Role.GOOD,
    )
    if difference.after and difference.after.because:
        yield Line(shortened(difference.after.because), 3, "because ")
    if difference.after:
        yield from missing_lines(difference.after.missing[:MOST_SHOWN], 3)
    for change in difference.objects[:MOST_OBJECTS]:
        head = f"{'' if difference.certain else 'one of: '}{change.what} "
        yield Line(place(change.evidence) if change.evidence else short(change.name), 3, head)
    if len(difference.objects) > MOST_OBJECTS:
        yield Line(f"and {len(difference.objects) - MOST_OBJECTS:,} more", 3)
    yield example(*difference.example, directory)


def _outcome(outcome: Outcome | None) -> str:
    found = severity(outcome)
    if found is Severity.NOBODY or outcome is None:
        return "nobody has the address"
    if found is Severity.REACHABLE:
        return "reachable"
    cause = f" ({outcome.cause})" if outcome.cause else ""
    return TITLES[found] + cause
