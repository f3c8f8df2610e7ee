"""Classes of flows against address by address: no two members of a class get different answers, and none is left out."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.trace.networks import ADDRESSES, Asked, questions
from tests.trace.small import attached, fabric, host, link, subnet, tcp

from wayhome.network import (
    Address,
    DestinationRule,
    Drop,
    End,
    Flow,
    Link,
    Network,
    Node,
    NodeKind,
    Port,
    PrefixSet,
    Protocol,
    Target,
    Verdict,
)
from wayhome.prefixes import Family, Intervals
from wayhome.trace import Trace, trace
from wayhome.trace.classes import Space, classes
from wayhome.trace.classes.recorder import Recorder

EXAMPLES = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ALL = Intervals.of([(0, Family.IPV4.last)])
BETWEEN = [
    Address.parse(text)
    for text in ("10.0.0.77", "10.2.3.1", "10.4.9.9", "9.9.9.9")
]  # fmt: skip
PORTS = (1, 80, 443, 40000, 40001, 61000)


def said(answer: Trace) -> tuple[object, ...]:
    """Everything of an answer but the names of what let the packet pass."""
    ends = []
    for way in answer.ways:
        ended = way.result.ended
        cause = (ended.cause, ended.evidence) if isinstance(ended, Drop) else ended
        path = tuple(
            (hop.node, hop.entered, hop.left) for hop in (*way.result.forward, *way.result.reply)
        )
        ends.append((way.result.lost, cause, path))
    return answer.verdict, answer.missing, tuple(ends)


def every_member_gets_the_answer_of_its_class(asked: Asked) -> None:
    space = Space.of([asked.network], ALL, [asked.flow.source])
    network = space.recorded(asked.network)
    covered: dict[tuple[int, int], Trace] = {}
    for one in classes(space, network, asked.flow.source, asked.at, space.atoms.all):
        for atoms, ports in one.boxes:
            for atom in range(space.atoms.count):
                for port in range(len(space.ports.ranges)):
                    if atoms >> atom & 1 and ports >> port & 1:
                        assert (atom, port) not in covered, "in two classes"
                        covered[atom, port] = one.trace
    assert len(covered) == space.atoms.count * len(space.ports.ranges), "in no class"
    asked_of: list[tuple[Protocol, int | None]] = [(Protocol.ICMP, None)]
    asked_of += [(protocol, port) for protocol in (Protocol.TCP, Protocol.UDP) for port in PORTS]
    for destination in (*ADDRESSES, *BETWEEN):
        atom_of = space.atoms.at(destination.value)
        assert atom_of is not None
        for protocol, port_ in asked_of:
            flow = Flow(asked.flow.source, destination, protocol, port_)
            answer = covered[atom_of, space.ports.at(protocol, port_ or 0)]
            assert said(trace(asked.network, flow, asked.at)) == said(answer), (flow, answer.flow)


test_every_member_gets_the_answer_of_its_class = EXAMPLES(
    given(questions())(every_member_gets_the_answer_of_its_class)
)


def test_an_address_that_two_ports_own_is_asked_of_both() -> None:
    """As exports that contradict each other may say: `b` has it and answers, `c` is down."""
    down = Drop("INSTANCE_NOT_RUNNING")
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.1.0.1"),
        host("c", "10.1.0.1", not_running=down),
        fabric(
            "fabric",
            [attached("a", "10.0.0.1/32"), attached("b", "10.1.0.0/24"), attached("c", "10.1.0.0/24")],
            subnet("10.0.0.0/8"),
        ),
    ]  # fmt: skip
    links = [link(f"{name}/eth0", f"fabric/{name}") for name in ("a", "b", "c")]
    asked = Asked(Network.of(nodes, links), tcp("10.0.0.1", "10.1.0.1"), "a")
    assert trace(asked.network, asked.flow, asked.at).verdict is Verdict.AMBIGUOUS
    every_member_gets_the_answer_of_its_class(asked)


def nothing(*_: Any, **__: Any) -> None:
    """Record nothing."""


@pytest.mark.parametrize(
    ("where", "what", "odd"),
    [
        (Recorder, "narrow", "routes"),
        (Recorder, "narrow_ports", "filters"),
        (Recorder, "listeners", "proxies"),
        (Recorder, "same_protocol", "rules"),
    ],
)
def test_a_recorder_that_forgets_is_caught(
    monkeypatch: pytest.MonkeyPatch, where: object, what: str, odd: str
) -> None:
    monkeypatch.setattr(where, what, nothing)
    search = settings(
        EXAMPLES, max_examples=300, phases=[Phase.generate], derandomize=True, database=None
    )
    with pytest.raises(AssertionError):
        search(given(questions(frozenset({odd})))(every_member_gets_the_answer_of_its_class))()


def test_an_address_that_is_in_a_packet_is_apart_from_the_destinations() -> None:
    """A masqueraded reply to it would be another packet."""
    asked = case_question()
    space = Space.of([asked.network], ALL, [asked.flow.source])
    recorder = space.recorded(asked.network).recorder
    atom = space.atoms.at(MORE.value)
    assert atom is not None
    recorder.begin(asked.flow)
    assert recorder.end()[0] >> atom & 1
    recorder.begin(asked.flow)
    recorder.other(MORE)
    assert not recorder.end()[0] >> atom & 1


def test_a_destination_that_may_be_written_is_apart_and_so_is_its_port() -> None:
    asked = case_question()
    space = Space.of([asked.network], ALL, [asked.flow.source])
    recorder = space.recorded(asked.network).recorder
    recorder.begin(asked.flow)
    recorder.targets([Target(OTHER, 443)])
    _, ports = recorder.end()
    assert ports & ~space.ports.of(Protocol.TCP) == 0
    assert not ports >> space.ports.at(Protocol.TCP, 443) & 1
    assert ports >> space.ports.at(Protocol.TCP, 80) & 1


OTHER, MORE = Address.parse("10.1.0.1"), Address.parse("10.1.0.2")


def case_question() -> Asked:
    """A node that translates a Service's port, and another one."""
    rule = DestinationRule(
        action=(Target(OTHER, 443),), destinations=PrefixSet.parse("10.9.0.0/24")
    )
    nodes = (
        Node(name="n0", kind=NodeKind.INSTANCE, translation_in=(rule,),
             ports=(Port(name="to1", addresses=(Address.parse("10.0.0.1"),)),)),
        Node(name="n1", kind=NodeKind.INSTANCE, ports=(Port(name="to0", addresses=(OTHER, MORE)),)),
    )  # fmt: skip
    network = Network.of(nodes, [Link(End("n0", "to1"), End("n1", "to0"))])
    flow = Flow(Address.parse("10.0.0.1"), Address.parse("10.9.0.9"), Protocol.TCP, 80)
    return Asked(network, flow, "n0")
