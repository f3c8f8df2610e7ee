"""An audit: the outcomes of all classes, those that belong together as one finding, the most serious first.

Classes belong together if one thing is to be done about them: the same cause and drop, in the same network, on the same
way.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from wayhome.clouds.collector import paused_collector
from wayhome.clouds.estate import Estate
from wayhome.diagnosis.audit.configuration import Fault, faults
from wayhome.diagnosis.audit.outcome import Outcome, Severity
from wayhome.diagnosis.audit.sources import Source
from wayhome.diagnosis.audit.survey import Progress, State, Surveyed, Surveyor, space_of
from wayhome.network import Evidence, Flow, Missing
from wayhome.prefixes import Intervals, Prefix
from wayhome.trace.classes import Space
from wayhome.trace.classes.line import prefixes

MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Classes with one outcome. `destinations` are all their addresses, `ports` all their protocols and ports.

    `example` is what `outcome` says in words; `examples` are flows of other classes too, with the nodes that open them.
    """

    severity: Severity
    clusters: tuple[str, ...]
    outcome: Outcome
    classes: int
    sources: tuple[Source, ...]
    destinations: Intervals
    ports: tuple[str, ...]
    all_ports: bool
    examples: tuple[tuple[Source, Flow], ...]
    deciding: tuple[Evidence, ...]
    missing: tuple[Missing, ...]

    @property
    def kind(self) -> tuple[Severity, str, str]:
        """What it has in common with those in other networks."""
        return self.severity, str(self.outcome.cause or ""), self.outcome.drop or ""

    @property
    def addresses(self) -> int:
        """How many destinations."""
        return sum(last - first + 1 for first, last in self.destinations.spans)

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The destinations as prefixes."""
        return tuple(prefixes(self.destinations))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The whole answer. `atoms` are the parts of the address space that anything tells apart.

    `of_google` are nodes of which only Google's objects tell: nobody knows what masquerades there.
    """

    findings: tuple[Finding, ...]
    faults: tuple[Fault, ...]
    sources: tuple[Source, ...]
    without_range: tuple[str, ...]
    of_google: tuple[str, ...]
    destinations: Intervals
    atoms: int
    classes: int

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of a severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)


@dataclass(slots=True)
class _Group:
    outcome: Outcome
    classes: int = 0
    sources: dict[Source, None] = field(default_factory=dict)
    atoms: int = 0
    ports: int = 0
    examples: list[tuple[Source, Flow]] = field(default_factory=list)
    deciding: dict[Evidence, None] = field(default_factory=dict)
    missing: dict[Missing, None] = field(default_factory=dict)

    def add(self, one: Surveyed) -> None:
        self.classes += 1
        self.sources[one.source] = None
        for atoms, ports in one.boxes:
            self.atoms |= atoms
            self.ports |= ports
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append((one.source, one.flow))
        self.deciding.update(dict.fromkeys(one.outcome.deciding))
        self.missing.update(dict.fromkeys(one.outcome.missing))


def audit(estate: Estate, progress: Progress) -> Audit:
    """Ask everything. Raises NetworkError."""
    with paused_collector():  # traces have no cycles either
        return _audit(estate, progress)


def _audit(estate: Estate, progress: Progress) -> Audit:
    state = State.of(estate)
    space = space_of(state)
    surveyor = Surveyor(state, space)
    groups: dict[tuple[object, ...], _Group] = {}
    classes = 0
    for one in surveyor.survey(state.sources.all, progress):
        classes += 1
        outcome = one.outcome
        if outcome.severity is Severity.REACHABLE:
            continue
        key = (outcome.severity, outcome.cause, outcome.drop, outcome.lost, outcome.died_in)
        groups.setdefault(key, _Group(outcome)).add(one)
    return Audit(
        findings=tuple(_ordered([_finding(space, group) for group in groups.values()])),
        faults=faults(estate),
        sources=state.sources.all,
        without_range=state.sources.without_range,
        of_google=state.of_google,
        destinations=space.atoms.places(surveyor.everything),
        atoms=space.atoms.count,
        classes=classes,
    )


def _finding(space: Space, group: _Group) -> Finding:
    return Finding(
        severity=group.outcome.severity,
        clusters=tuple(dict.fromkeys(source.cluster for source in group.sources)),
        outcome=group.outcome,
        classes=group.classes,
        sources=tuple(group.sources),
        destinations=space.atoms.places(group.atoms),
        ports=tuple(space.ports.names(group.ports)),
        all_ports=group.ports == space.ports.all,
        examples=tuple(group.examples),
        deciding=tuple(group.deciding),
        missing=tuple(group.missing),
    )


def _ordered(findings: list[Finding]) -> list[Finding]:
    """The most serious first; of these kind after kind, what concerns most addresses first."""
    of_kind: Counter[object] = Counter()
    for finding in findings:
        of_kind[finding.kind] += finding.addresses

    def order(finding: Finding) -> tuple[object, ...]:
        one = finding.outcome
        return (
            finding.severity,
            -of_kind[finding.kind],
            one.cause or "",
            one.drop or "",
            -finding.addresses,
            one.died_in,
            str(one.lost),
        )

    return sorted(findings, key=order)


def serious(found: Audit, ignored: Iterable[str]) -> int:
    """The exit code: 1 if something is lost, 3 if something is not known, else 0. `ignored` are causes."""
    left_out = set(ignored)
    worst = {
        finding.severity for finding in found.findings if str(finding.outcome.cause) not in left_out
    }
    wrong = any(not fault.note and fault.kind not in left_out for fault in found.faults)
    if wrong or worst & {Severity.REPLY_LOST, Severity.LOST, Severity.REFUSED}:
        return 1
    return 3 if worst & {Severity.UNDETERMINED, Severity.AMBIGUOUS} else 0
