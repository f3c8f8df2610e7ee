"""When it is said that the rules are not consulted: only if nothing else explains what is seen."""

import pytest

from wayhome.agent.bypass import MINUTES, PACKETS, Judge, Verdict

LATER = MINUTES * 60


class Node:
    """What a judge may ask; `questions` is how often it asked connection tracking."""

    def __init__(self) -> None:
        self.connections: int | None = 5
        self.forwarded = False
        self.questions = 0
        self.judge = Judge(lambda: self.connections, self._any_forwarded)

    def _any_forwarded(self) -> bool:
        self.questions += 1
        return self.forwarded


@pytest.fixture
def node() -> Node:
    made = Node()
    assert made.judge.judge(0, {1: 10, 2: 500_000}) is None
    return made


def test_pods_talk_and_nobody_sees_it(node: Node) -> None:
    verdict = node.judge.judge(LATER, {1: 10 + PACKETS, 2: 500_000})
    assert verdict == Verdict(bypassed=True, packets=PACKETS, minutes=MINUTES)


def test_a_connection_came_to_the_rules(node: Node) -> None:
    node.connections = 6
    verdict = node.judge.judge(LATER, {1: 10 + PACKETS, 2: 500_000})
    assert verdict is not None
    assert not verdict.bypassed
    assert node.questions == 0  # connection tracking is read only on suspicion


def test_old_connections_carry_it_all(node: Node) -> None:
    node.forwarded = True
    verdict = node.judge.judge(LATER, {1: 10 + PACKETS, 2: 500_000})
    assert verdict is not None
    assert not verdict.bypassed


@pytest.mark.parametrize("seconds, packets", [(LATER - 1, PACKETS), (LATER, PACKETS - 1)])
def test_too_early_or_too_little(node: Node, seconds: float, packets: int) -> None:
    assert node.judge.judge(seconds, {1: 10 + packets, 2: 500_000}) is None
    assert node.questions == 0


def test_a_quiet_node_gets_there_in_the_end(node: Node) -> None:
    for minute in range(1, 100):
        assert node.judge.judge(minute * 60, {1: 10 + minute * 10, 2: 500_000}) is None
    verdict = node.judge.judge(6000, {1: 10 + 1000, 2: 500_000})
    assert verdict == Verdict(bypassed=True, packets=1000, minutes=100)


def test_pods_that_come_and_go(node: Node) -> None:
    # Interface 2 is gone with its half million, and 3 is new: what it brought is all of this window.
    verdict = node.judge.judge(LATER, {1: 10, 3: PACKETS})
    assert verdict is not None
    assert verdict.packets == PACKETS
    # Number 1 is another Pod's now, and has less: nothing can be said of what went with the first.
    assert node.judge.judge(3 * LATER, {1: 3, 3: PACKETS}) is None


def test_a_table_that_was_replaced_proves_nothing(node: Node) -> None:
    node.connections = 0
    assert node.judge.judge(LATER, {1: 10 + PACKETS}) is None
    assert node.questions == 0


def test_a_back_end_that_does_not_count_asks_connection_tracking() -> None:
    node = Node()
    node.connections = None
    assert node.judge.judge(0, {1: 0}) is None
    verdict = node.judge.judge(LATER, {1: PACKETS})
    assert verdict is not None
    assert verdict.bypassed
    assert node.questions == 1
