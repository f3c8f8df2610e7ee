"""Objects that two files disagree about: the exports are of two moments, and nobody says which one holds.

So the question is asked of the other versions too, as it is asked again after a repair. Where an answer differs, which
file is right is a missing fact; where none does, and the object stands on the flow's way, that is said.

All combinations of a few disputed objects are tried: an old file may have one peering right and a new one the other.
Of many, all at once and one at a time; of those that were not tried alone, the flow's way must know nothing.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations

from wayhome.clouds.collect.commands import shown_by
from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.estate import Dispute, Estate
from wayhome.network import Missing, NetworkError, Verdict
from wayhome.trace import Trace

MOST = 16
"""Other versions of an estate that are compiled."""


@dataclass(frozen=True, slots=True)
class Version:
    """The estate with some of its disputed objects as the other file has them."""

    others: tuple[Dispute, ...]
    estate: Estate


def versions(
    estate: Estate, *, first: Container[str] = (), most: int = MOST
) -> tuple[Version, ...]:
    """The other versions of an estate that are tried, those with the fewest others first: what decides is named alone.

    `first` are the names of objects to try alone before others, where there are too many.
    """
    disputed = sorted(estate.disputed.values(), key=lambda one: one.name not in first)
    return tuple(
        Version(others, estate.with_changes(changed=[one.other for one in others]))
        for others in _choices(tuple(disputed), most)
    )


def settled(estate: Estate, answer: Trace, ask: Callable[[Estate], Trace]) -> Trace:
    """The answer about an estate, as far as it holds whichever of its disputed objects are right."""
    if answer.verdict is Verdict.UNDETERMINED:
        return answer
    tried = versions(estate, first=_met(answer))
    for version in tried:
        if _verdict(version.estate, ask) is not answer.verdict:
            return undetermined(answer, version.others)
    return untried(estate, answer, tried)


def undetermined(answer: Trace, deciding: Iterable[Dispute]) -> Trace:
    """The answer, where it depends on which file is right."""
    missing = tuple(map(_missing, deciding))
    return replace(answer, verdict=Verdict.UNDETERMINED, missing=missing)


def untried(estate: Estate, answer: Trace, tried: Iterable[Version]) -> Trace:
    """An answer that is the same in all versions that were tried: of the others, its way must know nothing."""
    if not estate.disputed:
        return answer
    met = _met(answer)
    on_the_way = [one for name, one in estate.disputed.items() if name in met]
    known = {version.others[0].name for version in tried if len(version.others) == 1}
    if deciding := [one for one in on_the_way if one.name not in known]:
        return undetermined(answer, deciding)
    said = tuple(map(_said, on_the_way))
    return replace(answer, assumptions=(*answer.assumptions, *said))


def _choices(disputed: tuple[Dispute, ...], most: int) -> Iterator[tuple[Dispute, ...]]:
    """What to put in its other version, fewest first."""
    few = 2 ** len(disputed) - 1 <= most
    sizes = range(1, len(disputed) + 1) if few else (1,)
    found = chain.from_iterable(combinations(disputed, size) for size in sizes)
    if few:
        yield from found
        return
    yield from (one for one, _ in zip(found, range(most - 1), strict=False))
    yield disputed


def _verdict(estate: Estate, ask: Callable[[Estate], Trace]) -> Verdict | None:
    """None where the other version is no network, or has nobody who asks."""
    try:
        return ask(estate).verdict
    except (EndpointError, NetworkError):
        return None


def _met(answer: Trace) -> set[str]:
    """The objects that decided on the flow's way."""
    hops = (*answer.forward, *answer.reply)
    steps = (step.evidence for hop in hops for step in hop.steps)
    return {evidence.object for evidence in steps if evidence is not None}


def _missing(dispute: Dispute) -> Missing:
    used, other = dispute.used.evidence.file, dispute.other.evidence.file
    return Missing(
        f"which file is right about {dispute.name}: {used} or {other}",
        shown_by(type(dispute.used.value), dispute.name),
    )


def _said(dispute: Dispute) -> str:
    used, other = dispute.used.evidence.file, dispute.other.evidence.file
    return f"{dispute.name} is as in {used}; {other} has it otherwise, and the verdict would be the same"
