"""What a filter does with a packet: one answer, or two where rules match by something that is not known."""

from dataclasses import dataclass, replace

from wayhome.network import Filter, FilterAction, FilterRule, Missing
from wayhome.trace.forks import Fork, ForkKind, Forks
from wayhome.trace.packet import Packet


@dataclass(frozen=True, slots=True)
class Answer:
    """What the filter does. `rule` is None for its default; without the fact `missing` it would not be certain."""

    action: FilterAction
    rule: FilterRule | None
    missing: Missing | None = None


def decide(filter_: Filter, packet: Packet, forks: Forks) -> Answer:
    """What the filter does with a packet."""
    certain, *possible = _answers(filter_, packet, 0)
    other = next((answer for answer in possible if answer.action is not certain.action), None)
    if other is None:
        return certain
    fork = Fork(
        ForkKind.MISSING,
        (f"{filter_.step}: {certain.action}", f"{filter_.step}: {other.action}"),
        missing=other.missing,
    )
    return (certain, other)[forks.pick(fork)]


def _answers(filter_: Filter, packet: Packet, stage: int) -> list[Answer]:
    """What holds from this stage on if no unknown condition does, and then what else may."""
    if stage == len(filter_.stages):
        return [Answer(filter_.default, None)]
    possible: list[Answer] = []
    for rule in filter_.matching(
        stage, packet.source, packet.destination, packet.protocol, packet.destination_port
    ):
        if rule.action is FilterAction.GOTO_NEXT:
            answers = _answers(filter_, packet, stage + 1)
        else:
            answers = [Answer(rule.action, rule)]
        if rule.unknown is None:
            return answers + possible
        possible += [replace(answer, missing=answer.missing or rule.unknown) for answer in answers]
    return _answers(filter_, packet, stage + 1) + possible
