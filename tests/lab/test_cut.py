"""A network cut to what some flows can touch: they meet there what they meet in the whole one, and others die visibly."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.agreement.asking import read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports
from tests.trace.networks import Asked as Question
from tests.trace.networks import questions as random_questions

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.compiled import Asked, LabNetwork
from wayhome.lab.cut import ELSEWHERE, NOT_BUILT, Cut, TooLargeError, buildable, cut
from wayhome.lab.questions import questions, sample
from wayhome.network import Drop, End, Flow, Link, Network, Node, NodeKind, Port
from wayhome.trace import Exchange, Trace, trace, trace_reverse
from wayhome.trace.forks import TOO_MANY

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
THE_CASE = Path(__file__).parents[2] / "examples/the-case/exports"


def asked_of(network: Network, flows: list[Asked]) -> tuple[list[Trace], Cut]:
    traces = [trace(network, one.flow, one.at) for one in flows]
    return traces, cut(network, traces)


def check_asked(network: Network, flows: list[Asked]) -> None:
    traces, done = asked_of(network, flows)
    assume(not any(TOO_MANY in one.missing for one in traces))
    assert [trace(done.network, one.flow, one.at) for one in flows] == traces
    assert (done.kept, done.of) == (
        sum(node.name in network.places for node in done.network.nodes),
        len(network.nodes),
    )


def check_others(network: Network, asked: list[Asked], others: list[Asked]) -> None:
    """A packet that nobody asked about goes the same way until it leaves what is built."""
    _, done = asked_of(network, asked)
    for one in others:
        if one.at in done.network.places:
            whole, part = (trace(of, one.flow, one.at) for of in (network, done.network))
            assume(TOO_MANY not in (*whole.missing, *part.missing))
            known = [_end(way.result) for way in whole.ways]
            for way in part.ways:
                ended = way.result.ended
                left = isinstance(ended, Drop) and ended.cause == NOT_BUILT
                assert left or _end(way.result) in known


def _end(result: Exchange) -> tuple[object, ...]:
    return result.lost, result.ended, result.delivered_to, result.packet, result.forward


@EXAMPLES
@given(random_questions())
def test_a_random_network_gives_the_same_trace(question: Question) -> None:
    check_asked(question.network, [Asked(question.flow, question.at)])


@EXAMPLES
@given(random_questions(), st.integers(0, 4))
def test_what_nobody_asked_about_in_a_random_network_ends_as_not_built(
    question: Question, number: int
) -> None:
    flow = question.flow
    at = question.network.nodes[number % len(question.network.nodes)].name
    other = Asked(Flow(flow.destination, flow.source, flow.protocol, flow.port), at)
    check_others(question.network, [Asked(flow, question.at)], [other])


@EXAMPLES
@given(estates(), st.integers(0, 1000))
def test_a_generated_estate_gives_the_same_traces(exports: Exports, seed: int) -> None:
    network = compile_estate(read(exports))
    flows = list(questions(network))
    assume(flows)
    some = sample(flows, 3, seed)
    check_asked(network, some)
    check_others(network, some, flows[:20])


def part_of_the_case() -> tuple[Network, Asked, Cut]:
    network = compile_estate(read_estate(THE_CASE))
    asked = next(
        one
        for one in questions(network)
        if one.at.endswith("my-pod") and str(one.flow) == "172.16.2.2 > 10.2.0.1:80 tcp"
    )
    _, done = asked_of(network, [asked])
    return network, asked, done


def test_only_what_is_touched_is_kept_and_the_rest_is_one_node() -> None:
    network, _, done = part_of_the_case()
    names = {node.name.rpartition("/")[2] for node in done.network.nodes}
    assert names == {
        "my-pod", "gke-node-02", "my-network", "target-network", "target-gce-01", "internet-gateway", ELSEWHERE,
    }  # fmt: skip
    assert (done.kept, done.of) == (6, len(network.nodes))


def test_of_several_flows_all_is_kept_that_one_of_them_touches() -> None:
    network, asked, _ = part_of_the_case()
    there = trace(network, asked.flow, asked.at)
    back = trace_reverse(network, there)
    assert back is not None
    both = cut(network, [there, back])
    assert trace(both.network, asked.flow, asked.at) == there
    assert trace(both.network, back.flow, back.at) == back


def test_a_destination_that_is_never_reached_is_kept() -> None:
    network, asked, _ = part_of_the_case()
    back = trace_reverse(network, trace(network, asked.flow, asked.at))
    assert back is not None
    assert asked.at not in {hop.node for hop in back.forward}
    assert asked.at in cut(network, [back]).network.places


def test_the_target_of_a_packet_that_is_dropped_on_its_way_out_is_kept() -> None:
    """Its port's filter drops it: the filter belongs to the way, and so does what it protects."""
    network, asked, done = part_of_the_case()
    closed = Flow(asked.flow.source, asked.flow.destination, asked.flow.protocol, 9)
    _, done = asked_of(network, [Asked(closed, asked.at)])
    answer = trace(done.network, closed, asked.at)
    assert answer.drop == trace(network, closed, asked.at).drop
    assert answer.forward[-1].left is None
    assert any(name.endswith("target-gce-01") for name in done.network.places)


def test_a_network_is_cut_only_if_it_is_too_large() -> None:
    network, asked, done = part_of_the_case()
    assert buildable(network, [asked]).network is network
    assert buildable(network, [asked], most=7) == done
    with pytest.raises(TooLargeError) as raised:
        buildable(network, [asked], most=5)
    assert str(raised.value) == (
        f"of the network's {done.of} nodes the flows touch 6, and at most 5 are built; ask about fewer flows"
    )


def test_names_that_are_taken_are_left_to_their_owners() -> None:
    names = (ELSEWHERE, "a", "b", "c")
    nodes = [
        Node(name=name, kind=NodeKind.INSTANCE, ports=(Port(name=ELSEWHERE), Port(name="1")))
        for name in names
    ]
    ring = zip(names, (*names[1:], names[0]), strict=True)
    links = [Link(End(one, ELSEWHERE), End(other, "1")) for one, other in ring]
    network = Network.of(nodes, links)
    asked = next(iter(questions(compile_estate(read_estate(THE_CASE)))))
    done = cut(network, [trace(network, asked.flow, "a")])
    assert [node.name for node in done.network.nodes] == ["a", f"{ELSEWHERE}'"]


@pytest.mark.kernel
def test_in_a_kernel_the_flow_ends_as_in_the_whole_network_and_another_one_as_not_built() -> None:
    network, asked, done = part_of_the_case()
    other = next(
        one
        for one in questions(network)
        if one.at == asked.at and str(one.flow) == "172.16.2.2 > 10.1.0.4:80 tcp"
    )
    with LabNetwork(network) as whole, LabNetwork(done.network) as part:
        assert part.ask([asked]) == whole.ask([asked])
        (lost,) = part.ask([other])
    assert (lost.died_at, lost.cause) == (ELSEWHERE, NOT_BUILT)
