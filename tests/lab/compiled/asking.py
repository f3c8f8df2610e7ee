"""Asks a lab and the tracer the same questions, and says where they differ."""

from collections.abc import Iterable

from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.network import Flow, Network, NodeKind, Protocol, Verdict
from wayhome.trace import Trace, trace

PROTOCOLS = ((Protocol.TCP, 80), (Protocol.UDP, 53), (Protocol.ICMP, None))
ENDS = {NodeKind.POD, NodeKind.INSTANCE, NodeKind.SITE, NodeKind.INTERNET}


def all_pairs(network: Network) -> list[Asked]:
    """From every end to every address of every end, by all protocols."""
    ends = [
        (node.name, address)
        for node in network.nodes
        if node.kind in ENDS
        for address in node.addresses
    ]
    return [
        Asked(Flow(source, destination, protocol, port), at)
        for at, source in ends
        for _, destination in ends
        if source.family is destination.family
        for protocol, port in PROTOCOLS
    ]


def predicted(traced: Trace) -> tuple[object, ...]:
    """What a trace says about what a lab sees."""
    hops = traced.reply or traced.forward
    died_at = hops[-1].node if traced.lost else None
    reached = traced.verdict is Verdict.REACHABLE
    return reached, traced.lost, died_at, traced.drop.cause if traced.drop else None


def found(seen: Seen) -> tuple[object, ...]:
    return seen.reached, seen.lost, seen.died_at, seen.cause


def differences(network: Network, questions: Iterable[Asked]) -> list[str]:
    """Build the network, and compare."""
    asked = list(questions)
    with LabNetwork(network) as lab:
        answers = lab.ask(asked)
    return [
        f"{question.at}: {question.flow}: predicted {expected}, seen {found(seen)}"
        for question, seen in zip(asked, answers, strict=True)
        if (expected := predicted(trace(network, question.flow, question.at))) != found(seen)
    ]
