"""Objects that two files disagree about: the exports are of two moments, and nobody says which one holds.

So the question is asked of the other versions too, as it is asked again after a repair. Where an answer differs, which
file is right is a missing fact; where none does, and the object stands on the flow's way, that is said.

All combinations of a few disputed objects are tried: an old file may have one peering right and a new one the other.
Of many, all at once and one at a time; of those that were not tried, the flow's way must know nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, combinations

from wayhome.clouds.collect.commands import shown_by
from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.estate import Dispute, Estate
from wayhome.network import Missing, NetworkError, Verdict
from wayhome.trace import Trace

MOST = 16
"""Other versions of an estate that are compiled."""


def settled(estate: Estate, answer: Trace, ask: Callable[[Estate], Trace]) -> Trace:
    """The answer about an estate, as far as it holds whichever of its disputed objects are right."""
    if answer.verdict is Verdict.UNDETERMINED:
        return answer
    tried: set[str] = set()
    deciding: list[Dispute] = []
    for others in _versions(tuple(estate.disputed.values())):
        tried |= {one.name for one in others}
        if _verdict(estate, others, ask) is not answer.verdict:
            deciding = [*others]
            break
    met = _met(answer)
    on_the_way = [one for name, one in estate.disputed.items() if name in met]
    deciding = deciding or [one for one in on_the_way if one.name not in tried]
    if deciding:
        missing = tuple(map(_missing, deciding))
        return replace(answer, verdict=Verdict.UNDETERMINED, missing=missing)
    said = tuple(map(_said, on_the_way))
    return replace(answer, assumptions=(*answer.assumptions, *said))


def _versions(disputed: tuple[Dispute, ...]) -> Iterator[tuple[Dispute, ...]]:
    """What to put in its other version, fewest first, so that what decides is named alone."""
    few = 2 ** len(disputed) - 1 <= MOST
    sizes = range(1, len(disputed) + 1) if few else (1,)
    found = chain.from_iterable(combinations(disputed, size) for size in sizes)
    if few:
        yield from found
        return
    yield from (one for one, _ in zip(found, range(MOST - 1), strict=False))
    yield disputed


def _verdict(
    estate: Estate, others: tuple[Dispute, ...], ask: Callable[[Estate], Trace]
) -> Verdict | None:
    """None where the other version is no network, or has nobody who asks."""
    try:
        return ask(estate.with_changes(changed=[one.other for one in others])).verdict
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
