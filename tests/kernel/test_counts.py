"""What the kernel counts: connections by line, over changes, replacements and restarts, without a look of drift."""

import pytest
from tests.kernel.nodes import Node, nft
from tests.kernel.policies import make_policy
from tests.kernel.repairs import addresses
from tests.kernel.wire import Wire

from wayhome.kernel import (
    Applier,
    ChangeKind,
    Count,
    Counts,
    ElementChanges,
    Interval,
    KernelError,
    Masquerade,
    NftablesKernel,
    Preserve,
    Ruleset,
    connections,
    readback,
    ruleset_of,
)
from wayhome.kernel.difference import Elements
from wayhome.kernel.skeleton import SetType
from wayhome.kernel.transactions import replacement
from wayhome.policy import Policy

NINE = Count(9, 540)


def counted(node: Node, ruleset: Ruleset) -> dict[str, int]:
    found = connections(ruleset, node.kernel.counts())
    return {str(entry.prefix): number for entry, number in found.by_entry.items() if number}


def with_counts(node: Node, ruleset: Ruleset, **cidrs: str) -> None:
    """Apply, and let an element of each named set have been met by nine connections."""
    Applier(node.kernel).apply(ruleset)
    for name, text in cidrs.items():
        (kind,) = [kind for kind in ruleset.skeleton.sets if kind.name == name]
        same: dict[SetType, tuple[Interval, ...]] = {kind: (addresses(text),)}
        node.kernel.change(ElementChanges(same, same, {name: {addresses(text)[0]: NINE}}))


TEN = "10.0.0.0-10.255.255.255"


def test_without_a_table_nothing_is_counted(node: Node) -> None:
    assert node.kernel.counts() == Counts()


def test_a_split_element_hands_its_count_on(node: Node) -> None:
    with_counts(node, ruleset_of(make_policy("10.0.0.0/8")), keep4=TEN)
    split = ruleset_of(make_policy("10.0.0.0/8", "10.1.0.0/16", masquerade=["10.2.0.0/16"]))
    Applier(node.kernel).apply(split)
    assert counted(node, split) == {"10.0.0.0/8": 9}
    more = ruleset_of(
        make_policy("10.0.0.0/8", "10.1.0.0/16", masquerade=["10.0.5.0/24", "10.2.0.0/16"])
    )
    assert Applier(node.kernel).apply(more).kind is ChangeKind.ELEMENTS
    assert counted(node, more) == {"10.0.0.0/8": 9}


@pytest.mark.parametrize("count", [3, 100])
def test_many_elements_hand_their_counts_on(node: Node, count: int) -> None:
    """A few are asked for one by one, many all at once."""
    ranges = [f"10.{number}.0.0/16" for number in range(count)]
    policy = make_policy("0.0.0.0/0", *ranges)
    before = ruleset_of(policy)
    Applier(node.kernel).apply(before)
    keep4 = before.skeleton.sets[0]
    every = {keep4: before.elements["keep4"]}
    counts = {first: Count(number, 1) for number, (first, _) in enumerate(every[keep4], 1)}
    node.kernel.change(ElementChanges(every, every, {"keep4": counts}))
    expected = counted(node, before)
    assert len(expected) == count + 1
    halves = [f"10.{number}.128.0/17" for number in range(count)]
    after = ruleset_of(make_policy("0.0.0.0/0", *ranges, *halves))
    assert Applier(node.kernel).apply(after).removed == count
    assert counted(node, after) == expected


def test_a_replacement_carries_all_counts(node: Node) -> None:
    policy = make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])
    carved = "10.2.0.0-10.2.255.255"
    with_counts(node, ruleset_of(policy), keep4="10.0.0.0-10.1.255.255", masquerade4=carved)
    assert node.kernel.counts().masqueraded == Count()
    node.kernel.write(replacement(ruleset_of(policy), Counts({}, Count(20, 1200))))
    with_counts(node, ruleset_of(policy), keep4="10.0.0.0-10.1.255.255", masquerade4=carved)
    other = ruleset_of(policy, Masquerade(random_fully=False))
    applier = Applier(node.kernel)
    assert applier.apply(other).kind is ChangeKind.REWRITTEN
    assert counted(node, other) == {"10.0.0.0/8": 9, "10.2.0.0/16": 9}
    assert node.kernel.counts().masqueraded == Count(20, 1200)
    assert connections(other, node.kernel.counts()).by_no_entry == 11
    assert applier.apply(other).kind is ChangeKind.NOTHING


def test_what_an_earlier_version_never_counted_is_no_obstacle(node: Node) -> None:
    node.run(
        "add table inet wayhome\nadd set inet wayhome keep4 { type ipv4_addr; flags interval; }\n"
        "add element inet wayhome keep4 { 10.0.0.0/8 }"
    )
    assert node.kernel.counts() == Counts()
    rules = ruleset_of(make_policy("10.0.0.0/8"))
    assert Applier(node.kernel).apply(rules).kind is ChangeKind.REWRITTEN
    assert counted(node, rules) == {}


def test_counters_that_cannot_be_read_do_not_stop_a_change(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(of: Elements | None = None) -> Counts:
        raise KernelError("no")

    with_counts(node, ruleset_of(make_policy("10.0.0.0/8")), keep4=TEN)
    monkeypatch.setattr(node.kernel, "counts", broken)
    applier = Applier(node.kernel)
    assert applier.apply(ruleset_of(make_policy("11.0.0.0/8"))).kind is ChangeKind.ELEMENTS
    assert applier.apply(ruleset_of(make_policy(pods=["10.4.0.0/24"]))).kind is ChangeKind.REWRITTEN


@pytest.mark.kernel
@pytest.mark.parametrize("preserve", Preserve)
@pytest.mark.parametrize("pods", [None, ["10.4.0.0/24", "fd04::/64"]], ids=["upstream's", "pods"])
def test_each_connection_is_counted_once(
    wire: Wire, pods: list[str] | None, preserve: Preserve
) -> None:
    policy = make_policy(
        "10.0.0.0/8", "fd00::/8", masquerade=["10.2.0.0/16", "fd02::/16"], ipv6=True, pods=pods
    )
    ruleset = ruleset_of(policy, Masquerade(preserve=preserve))
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(ruleset)
        destinations = ["10.1.1.1", "10.3.1.1", "10.2.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"]
        for destination in [*destinations, "fd01::1", "fd02::1", "2001:db8:99::1"]:
            for _ in range(3):  # the second and third packet are of the same connection
                wire.send(destination)
        found = connections(ruleset, kernel.counts())
        assert {str(entry.prefix): number for entry, number in found.by_entry.items()} == {
            "10.0.0.0/8": 2,
            "10.2.0.0/16": 1,
            "fd00::/8": 1,
            "fd02::/16": 1,
        }
        assert found.by_no_entry == 4
        assert applier.apply(ruleset).kind is ChangeKind.NOTHING
        nft("add table inet foreign")  # so that everything is read again
        assert applier.apply(ruleset).kind is ChangeKind.NOTHING
        kernel.forget()
        assert applier.apply(ruleset).kind is ChangeKind.NOTHING


@pytest.mark.kernel
def test_traffic_does_not_make_the_table_be_parsed_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruleset = ruleset_of(make_policy("10.0.0.0/8"))
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(ruleset)
        wire.send("10.1.1.1")
        wire.send("8.8.8.8")
        nft("add table inet foreign")
        monkeypatch.setattr(readback, "parse", lambda dump: pytest.fail("parsed"))
        assert applier.apply(ruleset).kind is ChangeKind.NOTHING


def policies() -> list[Policy]:
    return [
        make_policy("10.0.0.0/8"),
        make_policy("10.0.0.0/8", "10.1.0.0/16"),
        make_policy("10.0.0.0/8", "10.1.0.0/16", masquerade=["10.0.0.0/24"]),
        make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]),
    ]


@pytest.mark.kernel
def test_a_lines_count_goes_on_over_every_change(wire: Wire) -> None:
    with NftablesKernel() as kernel:
        for number, policy in enumerate([*policies(), *reversed(policies())], 1):
            ruleset = ruleset_of(policy)
            Applier(kernel).apply(ruleset)  # as after a restart: nothing is remembered
            wire.send(f"10.0.5.{number}")
            wire.send(f"8.8.8.{number}")
            found = connections(ruleset, kernel.counts())
            ten = [count for entry, count in found.by_entry.items() if entry.prefix.length == 8]
            assert ten == [number]
            assert found.by_no_entry == number
