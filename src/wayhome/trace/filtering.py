"""What a filter does with a packet: one answer, or two where rules match by something that is not known.

A reply goes to a port that somebody chose. A filter that remembers the flow does not ask; one that is stateless, or that
the flow did not pass, answers for each port of the range, and may have several answers.
"""

from dataclasses import dataclass, replace

from wayhome.network import Filter, FilterAction, FilterRule, Missing, Protocol
from wayhome.trace.forks import Fork, ForkKind, Forks
from wayhome.trace.packet import Packet, chosen_from


@dataclass(frozen=True, slots=True)
class Answer:
    """What the filter does. `rule` is None for its default; without the fact `missing` it would not be certain."""

    action: FilterAction
    rule: FilterRule | None
    missing: Missing | None = None


def decide(filter_: Filter, packet: Packet, forks: Forks) -> Answer:
    """What the filter does with a packet."""
    found: dict[tuple[FilterAction, bool], tuple[Answer, Answer | None, int]] = {}
    for port in _ports(filter_, packet):
        certain, other = _two(_answers(filter_, packet, port, 0))
        found.setdefault((certain.action, other is not None), (certain, other, port))
    alternatives = tuple(found.values())
    option = 0
    if len(alternatives) > 1:
        options = tuple(
            f"{filter_.step}: {answer.action}, as for port {port}"
            for answer, _, port in alternatives
        )
        option = forks.pick(Fork(ForkKind.SPREAD, options, "the source port that is chosen"))
    certain, other, _ = alternatives[option]
    if other is None:
        return certain
    fork = Fork(
        ForkKind.MISSING,
        (f"{filter_.step}: {certain.action}", f"{filter_.step}: {other.action}"),
        missing=other.missing,
    )
    return (certain, other)[forks.pick(fork)]


def _ports(filter_: Filter, packet: Packet) -> list[int]:
    """The destination port; where somebody chooses it, one for each answer that the filter may have.

    What an echo's reply goes to is an identifier, which is no port that a rule can name.
    """
    if packet.protocol is Protocol.ICMP:
        return [0]
    chosen = chosen_from(packet.destination_port)
    if chosen is None:
        return [packet.destination_port]
    first, last = chosen
    return [first, *sorted(e for e in filter_.port_edges(packet.protocol) if first < e <= last)]


def _two(answers: list[Answer]) -> tuple[Answer, Answer | None]:
    """What holds if no unknown condition does, and the other answer, if there may be one."""
    certain, *possible = answers
    return certain, next((a for a in possible if a.action is not certain.action), None)


def _answers(filter_: Filter, packet: Packet, port: int, stage: int) -> list[Answer]:
    """What holds from this stage on if no unknown condition does, and then what else may."""
    if stage == len(filter_.stages):
        return [Answer(filter_.default, None)]
    possible: list[Answer] = []
    for rule in filter_.matching(stage, packet.source, packet.destination, packet.protocol, port):
        if rule.action is FilterAction.GOTO_NEXT:
            answers = _answers(filter_, packet, port, stage + 1)
        else:
            answers = [Answer(rule.action, rule)]
        if rule.unknown is None:
            return answers + possible
        possible += [replace(answer, missing=answer.missing or rule.unknown) for answer in answers]
    return _answers(filter_, packet, port, stage + 1) + possible
