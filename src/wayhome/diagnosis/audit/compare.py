"""Two states of an estate: which outcomes of the audit are others, and which changed object made them so.

Both states are surveyed in one space, so that their classes can be intersected: what is compared is every address and
every port, and no sample. What a state's exports do not name is there nobody's. A changed object has made a difference
where it decides a step of the flow, or the cause of its loss, in the one state or the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wayhome.clouds.collector import paused_collector
from wayhome.clouds.estate import Estate
from wayhome.diagnosis.audit.changes import Change, changes
from wayhome.diagnosis.audit.outcome import Outcome, Severity
from wayhome.diagnosis.audit.sources import Source
from wayhome.diagnosis.audit.survey import Progress, State, Surveyed, Surveyor, space_of
from wayhome.network import Flow
from wayhome.prefixes import Intervals, Prefix
from wayhome.trace import Trace
from wayhome.trace.classes import Box, Space
from wayhome.trace.classes.line import prefixes

_RANK = {
    Severity.REACHABLE: 0,
    Severity.NOBODY: 0,
    Severity.AMBIGUOUS: 1,
    Severity.UNDETERMINED: 2,
    Severity.REFUSED: 3,
    Severity.LOST: 3,
    Severity.REPLY_LOST: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Flows whose outcome is another one, by the same change. An outcome is None where a state names no such address."""

    before: Outcome | None
    after: Outcome | None
    sources: tuple[Source, ...]
    destinations: Intervals
    ports: tuple[str, ...]
    all_ports: bool
    example: tuple[Source, Flow]
    objects: tuple[Change, ...]
    """Those that decide it; all that changed, where none of them stands on the way."""
    certain: bool

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The destinations as prefixes."""
        return tuple(prefixes(self.destinations))

    @property
    def worse(self) -> int:
        """0: not worse; 1: lost now; 3: not known now."""
        if severity(self.after) is Severity.UNDETERMINED:
            return 3  # also what was lost: nobody can say that it is repaired
        old, new = (_RANK[severity(one)] for one in (self.before, self.after))
        return 0 if new <= old else 1 if new == 3 else 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole answer. `gone` and `new` are nodes' Pod ranges that only one state has."""

    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    gone: tuple[Source, ...]
    new: tuple[Source, ...]
    compared: int

    @property
    def exit_code(self) -> int:
        """1 if something got lost, 3 if something is no more known or nothing could be compared, else 0."""
        if not self.compared:
            return 3
        found = {difference.worse for difference in self.differences}
        return 1 if 1 in found else 3 if 3 in found else 0


def severity(outcome: Outcome | None) -> Severity:
    """How bad; nobody has an address that the exports do not name."""
    return Severity.NOBODY if outcome is None else outcome.severity


@dataclass(slots=True)
class _Group:
    example: tuple[Source, Flow]
    objects: tuple[Change, ...]
    certain: bool
    before: Outcome | None
    after: Outcome | None
    sources: dict[Source, None] = field(default_factory=dict)
    atoms: int = 0
    ports: int = 0


def compare(before: Estate, after: Estate, progress: Progress) -> Comparison:
    """Compare two states. Raises NetworkError."""
    with paused_collector():
        return _compare(before, after, progress)


def _compare(before: Estate, after: Estate, progress: Progress) -> Comparison:
    changed = changes(before, after)
    old, new = State.of(before), State.of(after)
    pairs, gone, added = _paired(old.sources.all, new.sources.all)
    space = space_of(old, new)
    comparer = _Comparer(space, Surveyor(old, space), Surveyor(new, space), changed)
    for done, (one, other) in enumerate(pairs):
        progress(done, len(pairs))
        comparer.compare(one, other)
    progress(len(pairs), len(pairs))
    return Comparison(
        differences=tuple(sorted(comparer.differences(), key=_order)),
        changes=tuple(sorted(changed.values(), key=lambda one: (one.name, one.what))),
        gone=gone,
        new=added,
        compared=len(pairs),
    )


class _Comparer:
    def __init__(
        self, space: Space, old: Surveyor, new: Surveyor, changed: dict[str, Change]
    ) -> None:
        self._space, self._old, self._new, self._changed = space, old, new, changed
        self._groups: dict[tuple[object, ...], _Group] = {}

    def compare(self, one: Source, other: Source) -> None:
        """All flows of a source that both states have."""
        for old, new, box in _crossed(*self._surveyed(one, other)):
            flow = self._space.flow(one.address, *self._space.example(*box))
            key = (one.cluster, _key(old), _key(new))
            if key not in self._groups:
                objects, certain = self._deciding(one, other, flow, old, new)
                self._groups[key] = _Group(
                    (other, flow), objects, certain, _outcome(old), _outcome(new)
                )
            group = self._groups[key]
            group.sources[other] = None
            group.atoms |= box[0]
            group.ports |= box[1]

    def _surveyed(
        self, one: Source, other: Source
    ) -> tuple[list[tuple[Surveyed | None, tuple[Box, ...]]], ...]:
        asked, ports = self._old.asked(one), self._space.ports.all
        asked_now = self._new.asked(other)
        old = [(found, found.boxes) for found in self._old.classes(one)]
        new = [(found, found.boxes) for found in self._new.classes(other)]
        return (
            [*old, (None, ((asked_now & ~asked, ports),))],
            [*new, (None, ((asked & ~asked_now, ports),))],
        )

    def _deciding(
        self, one: Source, other: Source, flow: Flow, old: Surveyed | None, new: Surveyed | None
    ) -> tuple[tuple[Change, ...], bool]:
        """The changed objects among those that the flow meets in either state."""
        met: dict[str, None] = {}
        for surveyor, source, found in ((self._old, one, old), (self._new, other, new)):
            if found is not None:
                own = Flow(source.address, flow.destination, flow.protocol, flow.port)
                met.update(dict.fromkeys(_objects(*surveyor.ask(source, own))))
        decided = tuple(self._changed[name] for name in met if name in self._changed)
        return (decided, True) if decided else (tuple(sorted(self._changed.values())), False)

    def differences(self) -> Iterator[Difference]:
        """Everything that was found."""
        for group in self._groups.values():
            yield Difference(
                before=group.before,
                after=group.after,
                sources=tuple(group.sources),
                destinations=self._space.atoms.places(group.atoms),
                ports=tuple(self._space.ports.names(group.ports)),
                all_ports=group.ports == self._space.ports.all,
                example=group.example,
                objects=group.objects,
                certain=group.certain,
            )


def _crossed(
    old: list[tuple[Surveyed | None, tuple[Box, ...]]],
    new: list[tuple[Surveyed | None, tuple[Box, ...]]],
) -> Iterator[tuple[Surveyed | None, Surveyed | None, Box]]:
    """What both have in common, where the outcomes differ."""
    for one, boxes in old:
        for other, others in new:
            if severity(_outcome(one)) is severity(_outcome(other)):
                continue
            for atoms, ports in boxes:
                for atoms_now, ports_now in others:
                    if atoms & atoms_now and ports & ports_now:
                        yield one, other, (atoms & atoms_now, ports & ports_now)


def _outcome(found: Surveyed | None) -> Outcome | None:
    return None if found is None else found.outcome


def _key(found: Surveyed | None) -> tuple[object, ...]:
    if found is None:
        return ()
    outcome = found.outcome
    return outcome.severity, outcome.cause, outcome.drop, outcome.died_in, outcome.missing


def _objects(trace: Trace, outcome: Outcome) -> Iterator[str]:
    yield from (one.object for one in outcome.deciding)
    for way in trace.ways:
        for hop in (*way.result.reply, *way.result.forward):
            for step in reversed(hop.steps):
                if step.evidence is not None:
                    yield step.evidence.object


def _paired(
    old: tuple[Source, ...], new: tuple[Source, ...]
) -> tuple[list[tuple[Source, Source]], tuple[Source, ...], tuple[Source, ...]]:
    """The same Pod with itself; then, of one node's range, the others in their order."""
    left = {source.at: source for source in new}
    pairs = [(one, left.pop(one.at)) for one in old if one.at in left]
    asked = {one.at for one, _ in pairs}
    waiting: dict[tuple[str, str, str], list[Source]] = {}
    for other in left.values():
        waiting.setdefault(other.of_range, []).append(other)
    gone = []
    for one in old:
        if one.at in asked:
            continue
        others = waiting.get(one.of_range)
        if others:
            pairs.append((one, others.pop(0)))
        else:
            gone.append(one)
    return pairs, tuple(gone), tuple(other for others in waiting.values() for other in others)


def _order(difference: Difference) -> tuple[object, ...]:
    """What got lost first, then what is not known any more, then the rest; of each first what somebody had."""
    worst = {1: 0, 3: 1, 0: 2}[difference.worse], severity(difference.before) is Severity.NOBODY
    source, flow = difference.example
    spans = sum(last - first + 1 for first, last in difference.destinations.spans)
    return worst, severity(difference.after), -spans, source.cluster, source.at, str(flow)
