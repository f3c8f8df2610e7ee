"""Packets and bytes by line: what is counted, and that the second chain is kept as the first one is."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.kernel.nodes import Node, nft
from tests.kernel.policies import make_policy
from tests.kernel.repairs import addresses, check_a_rewritten_rule_is_noticed, held, repaired
from tests.kernel.test_scope import IP_TRANSPARENT, NODES_OWN, WORLD4
from tests.kernel.wire import Wire

from wayhome.kernel import (
    Applier,
    Cause,
    ChangeKind,
    Count,
    Counts,
    ElementChanges,
    Kernel,
    Masquerade,
    NftablesKernel,
    Preserve,
    Ruleset,
    connections,
    ruleset_of,
)
from wayhome.kernel.difference import Elements
from wayhome.kernel.rules import ACCOUNTING_PRIORITY
from wayhome.kernel.transactions import replacement
from wayhome.lab.namespaces import NetworkNamespace

ON = Masquerade(accounting=True)
PODS = ("10.4.0.0/24", "fd04::/64")
LISTS = {
    "keep": ("10.0.0.0/8", "fd00::/8"),
    "carved": ("10.2.0.0/16", "fd02::/16"),
}
HEADERS = {socket.AF_INET: 20 + 8, socket.AF_INET6: 40 + 8}
"""Of IP and UDP."""
NINE = Count(9, 9000)
TEN = "10.0.0.0-10.255.255.255"


def sent(ruleset: Ruleset, kernel: Kernel) -> dict[str, Count]:
    """By the line's CIDR, without zeros; `elsewhere` for the destinations of no line."""
    found = connections(ruleset, kernel.counts()).sent
    assert found is not None
    by_cidr = {str(entry.prefix): count for entry, count in found.by_entry.items()}
    by_cidr["elsewhere"] = found.by_no_entry
    return {cidr: count for cidr, count in by_cidr.items() if count != Count()}


def with_counts(node: Node, ruleset: Ruleset, cidr: str) -> None:
    """Apply, and let an element of sent4 have been met by nine packets."""
    Applier(node.kernel).apply(ruleset)
    (kind,) = (kind for kind in ruleset.skeleton.sets if kind.name == "sent4")
    same: Elements = {kind: (addresses(cidr),)}
    node.kernel.change(ElementChanges(same, same, {"sent4": {addresses(cidr)[0]: NINE}}))


@pytest.fixture
def rules() -> Ruleset:
    return ruleset_of(make_policy("10.0.0.0/8", "172.16.0.0/12", masquerade=["10.2.0.0/16"]), ON)


# What is counted


def send(wire: Wire, destination: str, sizes: list[int]) -> Count:
    """Datagrams of these sizes from the Pod, on one connection; returns what they are to the network."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with wire.pod.entered():
        pod = socket.socket(family, socket.SOCK_DGRAM)
    with pod:
        for size in sizes:
            pod.sendto(bytes(size), (destination, wire.PORT))
            wire.arrived(family)
    return Count(len(sizes), sum(sizes) + len(sizes) * HEADERS[family])


@pytest.fixture(params=[None, PODS], ids=["upstream's scope", "scope of Pods"])
def counting(request: pytest.FixtureRequest, wire: Wire) -> Iterator[tuple[Ruleset, Kernel]]:
    policy = make_policy(*LISTS["keep"], masquerade=LISTS["carved"], ipv6=True, pods=request.param)
    ruleset = ruleset_of(policy, ON)
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset)
        yield ruleset, kernel


@pytest.mark.kernel
def test_every_packet_counts_once_with_its_size(
    wire: Wire, counting: tuple[Ruleset, Kernel]
) -> None:
    """Also those of a masqueraded connection after its first one, which no nat chain sees."""
    ruleset, kernel = counting
    expected = {
        "10.0.0.0/8": send(wire, "10.1.1.1", [1, 100, 1000]) + send(wire, "10.255.0.1", [7]),
        "10.2.0.0/16": send(wire, "10.2.0.1", [10] * 20),
        "fd00::/8": send(wire, "fd01::1", [3, 4]),
        "fd02::/16": send(wire, "fd02::1", [500] * 5),
        "elsewhere": send(wire, "8.8.8.8", [50] * 30) + send(wire, "2001:db8:99::1", [60] * 4),
    }
    assert sent(ruleset, kernel) == expected
    found = connections(ruleset, kernel.counts())
    assert (sum(found.by_entry.values()), found.by_no_entry) == (5, 2)
    assert Applier(kernel).apply(ruleset).kind is ChangeKind.NOTHING


@pytest.mark.kernel
@pytest.mark.parametrize("preserve", Preserve)
def test_whose_addresses_are_asserted_does_not_matter(wire: Wire, preserve: Preserve) -> None:
    ruleset = ruleset_of(
        make_policy("10.0.0.0/8", pods=PODS), Masquerade(accounting=True, preserve=preserve)
    )
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset)
        expected = {
            "10.0.0.0/8": send(wire, "10.1.1.1", [1, 2, 3]),
            "elsewhere": send(wire, "8.8.8.8", [4, 5]),
        }
        assert sent(ruleset, kernel) == expected


@pytest.mark.kernel
@pytest.mark.parametrize(("caller", "callee"), [("pod", "ext"), ("ext", "pod")])
def test_answers_are_not_counted(
    wire: Wire, counting: tuple[Ruleset, Kernel], caller: str, callee: str
) -> None:
    """What a Pod answers on a connection that others opened is none of its own; the call to it leaves the node too."""
    ruleset, kernel = counting
    with datagrams(wire.pod, wire.POD4) as pod, datagrams(wire.ext, WORLD4) as ext:
        ends = {"pod": pod, "ext": ext}
        one, other = ends[caller], ends[callee]
        for _ in range(3):
            one.sendto(bytes(10), other.getsockname())
            seen = other.recvfrom(64)[1]
        for _ in range(5):
            other.sendto(bytes(100), seen)
            assert len(one.recv(128)) == 100
    calls = Count(3, 3 * 38)
    if caller == "pod":
        assert sent(ruleset, kernel) == {"elsewhere": calls}
    else:
        upstreams = "pods4" not in ruleset.elements
        assert sent(ruleset, kernel) == ({"10.0.0.0/8": calls} if upstreams else {})


@contextmanager
def datagrams(namespace: NetworkNamespace, address: str) -> Iterator[socket.socket]:
    with namespace.entered():
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with end:
        end.bind((address, 9999))
        end.settimeout(5)
        yield end


@pytest.mark.kernel
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_nodes_own_packets_are_counted_in_upstreams_scope_only(
    wire: Wire, counting: tuple[Ruleset, Kernel], family: socket.AddressFamily
) -> None:
    """From an address inside the Pods' range, too. What it sends to itself is counted in no scope."""
    ruleset, kernel = counting
    destination = WORLD4 if family == socket.AF_INET else "2001:db8:1::2"
    with socket.socket(family, socket.SOCK_DGRAM) as own:
        own.bind((NODES_OWN[family], 4444))
        for _ in range(3):
            own.sendto(bytes(10), (destination, wire.PORT))
            wire.arrived(family)
            own.sendto(bytes(10), (NODES_OWN[family], 4444))
    upstreams = "pods4" not in ruleset.elements
    calls = Count(3, 3 * (HEADERS[family] + 10))
    assert sent(ruleset, kernel) == ({"elsewhere": calls} if upstreams else {})


@pytest.mark.kernel
def test_a_transparent_proxys_packets_are_the_pods(wire: Wire) -> None:
    ruleset = ruleset_of(make_policy(pods=PODS), ON)
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
            proxy.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
            proxy.bind((wire.POD4, 4444))
            for _ in range(4):
                proxy.sendto(bytes(10), (WORLD4, wire.PORT))
                assert wire.arrived(socket.AF_INET).source == wire.NODE4
        assert sent(ruleset, kernel) == {"elsewhere": Count(4, 4 * 38)}


@pytest.mark.kernel
def test_what_is_not_tracked_is_not_counted(wire: Wire) -> None:
    """No nat chain ever sees it, so no line decides about it."""
    ruleset = ruleset_of(make_policy("10.0.0.0/8", pods=PODS), ON)
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset)
        nft(
            "add table ip foreign\n"
            "add chain ip foreign pre { type filter hook prerouting priority raw; }\n"
            "add rule ip foreign pre notrack\n"
        )
        send(wire, "10.1.1.1", [1, 2])
        assert sent(ruleset, kernel) == {}
        nft("delete table ip foreign")
        assert sent(ruleset, kernel) == {}
        expected = send(wire, "10.1.1.1", [1, 2])
        assert sent(ruleset, kernel) == {"10.0.0.0/8": expected}


@pytest.mark.kernel
def test_only_before_the_translation_is_the_pod_known(wire: Wire) -> None:
    """Why the chain has its place: what chains before and after `srcnat` see of one masqueraded connection."""
    nft("add table inet look\n")
    for name, priority in (("before", ACCOUNTING_PRIORITY), ("after", 110)):
        nft(
            f"add chain inet look {name} {{ type filter hook postrouting priority {priority}; }}\n"
            f"add rule inet look {name} ip saddr {wire.POD4} counter\n"
        )
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset_of(make_policy(pods=PODS)))
        send(wire, "8.8.8.8", [1] * 5)
    listed = subprocess.run(
        ["nft", "list", "table", "inet", "look"], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"counter packets (\d+)", listed) == ["5", "0"]


# How it is kept


@pytest.mark.parametrize("pods", [None, PODS], ids=["upstream's scope", "scope of Pods"])
def test_switched_on_and_off_the_sets_stay(node: Node, pods: tuple[str, ...] | None) -> None:
    policy = make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"], ipv6=True, pods=pods)
    off, on = ruleset_of(policy), ruleset_of(policy, ON)
    applier = Applier(node.kernel)
    applier.apply(off)
    (keep4,) = (kind for kind in off.skeleton.sets if kind.name == "keep4")
    first = off.elements["keep4"][:1]
    same = {keep4: first}
    node.kernel.change(ElementChanges(same, same, {"keep4": {first[0][0]: NINE}}))
    before = node.kernel.read()
    for wanted, transactions in ((on, 2), (off, 1)):
        count = node.transactions()
        change = applier.apply(wanted)
        assert (change.kind, change.cause) == (ChangeKind.REWRITTEN, Cause.OTHER_RULES)
        assert (change.added, change.removed) == (0, 0)
        assert node.transactions() == count + transactions
        assert held(node) == wanted.elements
        assert connections(wanted, node.kernel.counts()).by_entry[policy.entries[0]] == 9
        assert applier.apply(wanted).kind is ChangeKind.NOTHING
        assert Applier(node.kernel).apply(wanted).kind is ChangeKind.NOTHING
    assert node.kernel.read() == before  # nothing is left behind


def test_one_line_is_one_element_of_each_set(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"10.{number >> 8}.{number & 255}.0/25" for number in range(2000)]
    applier = Applier(node.kernel)
    applier.apply(ruleset_of(make_policy(*many), ON))
    changes: list[ElementChanges] = []
    change = node.kernel.change

    def spy(one: ElementChanges) -> None:
        changes.append(one)
        change(one)

    monkeypatch.setattr(node.kernel, "change", spy)
    wanted = ruleset_of(make_policy(*many, "192.168.0.0/16"), ON)
    assert applier.apply(wanted).kind is ChangeKind.ELEMENTS
    (sent_over,) = changes
    one = (addresses("192.168.0.0-192.168.255.255"),)
    added = {kind.name: some for kind, some in sent_over.added.items()}
    assert (added, sent_over.removed) == ({"keep4": one, "sent4": one}, {})
    assert held(node) == wanted.elements


CHAIN = "add chain inet wayhome accounting { type filter hook postrouting priority srcnat - 10;"
REMOVED = "flush chain inet wayhome accounting\ndelete chain inet wayhome accounting"
DAMAGE = [
    ("delete table inet wayhome", Cause.NO_TABLE, ChangeKind.REPLACED, 2),
    ("add table inet wayhome { flags dormant; }", Cause.DORMANT, ChangeKind.REPLACED, 1),
    ("flush chain inet wayhome accounting", Cause.RULES, ChangeKind.REWRITTEN, 1),
    ("flush chain inet wayhome postrouting", Cause.RULES, ChangeKind.REWRITTEN, 1),
    ("add rule inet wayhome accounting accept", Cause.RULES, ChangeKind.REWRITTEN, 1),
    (REMOVED, Cause.CHAIN, ChangeKind.REWRITTEN, 1),
    (f"{REMOVED}\ndelete set inet wayhome sent4", Cause.CHAIN, ChangeKind.REWRITTEN, 2),
    (
        f"{REMOVED}\ndelete counter inet wayhome sent_elsewhere",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        2,
    ),
    (
        f"{REMOVED}\nflush chain inet wayhome postrouting\ndelete chain inet wayhome postrouting",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        1,
    ),
    (
        "flush chain inet wayhome postrouting\ndelete chain inet wayhome postrouting",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        1,
    ),
    (f"{CHAIN} policy drop; }}", Cause.CHAIN, ChangeKind.REWRITTEN, 1),
    (f"{REMOVED}\nadd chain inet wayhome accounting", Cause.CHAIN, ChangeKind.REWRITTEN, 1),
    (
        f"{REMOVED}\nadd chain inet wayhome accounting {{ type filter hook postrouting priority srcnat + 10; policy accept; }}",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        1,
    ),
    (
        f"{REMOVED}\ndelete set inet wayhome sent4\nadd set inet wayhome sent4 {{ type ipv6_addr; flags interval; }}",
        Cause.CHAIN,
        ChangeKind.REPLACED,
        1,
    ),
    ("add chain inet wayhome foreign", Cause.STRANGER, ChangeKind.REPLACED, 1),
    (
        "flush chain inet wayhome accounting\ndelete element inet wayhome sent4 { 10.2.0.0/16 }",
        Cause.RULES,
        ChangeKind.REWRITTEN,
        1,
    ),
]


@pytest.mark.parametrize(("damage", "cause", "kind", "count"), DAMAGE)
def test_damage_is_noticed_and_repaired(  # noqa: PLR0917
    node: Node, rules: Ruleset, damage: str, cause: Cause, kind: ChangeKind, count: int
) -> None:
    change, took = repaired(node, rules, damage)
    assert (change.kind, change.cause, took) == (kind, cause, count)


def test_a_chain_of_that_name_that_nobody_asked_for_goes(node: Node) -> None:
    plain = ruleset_of(make_policy("10.0.0.0/8"))
    applier = Applier(node.kernel)
    applier.apply(plain)
    node.run(f"{CHAIN} policy drop; }}")
    change = applier.apply(plain)
    assert (change.kind, change.cause) == (ChangeKind.REWRITTEN, Cause.CHAIN)
    assert applier.apply(plain).kind is ChangeKind.NOTHING
    table = node.kernel.read()
    assert table is not None
    assert len(table.chains) == 1


def test_a_rule_rewritten_under_our_comment_is_noticed(node: Node, rules: Ruleset) -> None:
    check_a_rewritten_rule_is_noticed(node, rules, "@sent4 return", "!= @sent4 return")


@pytest.mark.parametrize(
    ("damage", "added", "removed"),
    [
        ("delete element inet wayhome sent4 { 10.2.0.0/16 }", 1, 0),
        ("add element inet wayhome sent4 { 192.168.0.0/16 }", 0, 1),
    ],
)
def test_damaged_elements_are_repaired_alone(
    node: Node, rules: Ruleset, damage: str, added: int, removed: int
) -> None:
    change, _ = repaired(node, rules, damage)
    assert (change.kind, change.added, change.removed) == (ChangeKind.ELEMENTS, added, removed)


# What was counted goes on


def test_a_split_element_hands_its_count_on(node: Node) -> None:
    with_counts(node, ruleset_of(make_policy("10.0.0.0/8"), ON), TEN)
    split = ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"]), ON)
    assert Applier(node.kernel).apply(split).kind is ChangeKind.REWRITTEN  # a rule more
    assert sent(split, node.kernel) == {"10.0.0.0/8": NINE}
    more = ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.0.5.0/24", "10.2.0.0/16"]), ON)
    assert Applier(node.kernel).apply(more).kind is ChangeKind.ELEMENTS
    assert sent(more, node.kernel) == {"10.0.0.0/8": NINE}


def test_a_removed_lines_count_goes_to_the_line_around_it(node: Node) -> None:
    carved = ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"]), ON)
    with_counts(node, carved, "10.2.0.0-10.2.255.255")
    assert sent(carved, node.kernel) == {"10.2.0.0/16": NINE}
    whole = ruleset_of(make_policy("10.0.0.0/8"), ON)
    Applier(node.kernel).apply(whole)
    assert sent(whole, node.kernel) == {"10.0.0.0/8": NINE}


@pytest.mark.parametrize("damage", ["flush chain inet wayhome accounting", DAMAGE[1][0]])
def test_a_repair_carries_all_counts(node: Node, damage: str) -> None:
    """With the sets in place, and with the table as a whole."""
    ruleset = ruleset_of(make_policy("10.0.0.0/8"), ON)
    node.kernel.write(replacement(ruleset, Counts({}, Count(20, 1200), Count(30, 4500))))
    with_counts(node, ruleset, TEN)
    node.run(damage)
    Applier(node.kernel).apply(ruleset)
    assert sent(ruleset, node.kernel) == {"10.0.0.0/8": NINE, "elsewhere": Count(30, 4500)}
    assert node.kernel.counts().masqueraded == Count(20, 1200)


@pytest.mark.kernel
def test_a_lines_packets_go_on_over_every_change(wire: Wire) -> None:
    policies = [
        make_policy("10.0.0.0/8"),
        make_policy("10.0.0.0/8", "10.1.0.0/16"),
        make_policy("10.0.0.0/8", "10.1.0.0/16", masquerade=["10.0.0.0/24"]),
        make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]),
    ]
    expected = {"10.0.0.0/8": Count(), "elsewhere": Count()}
    with NftablesKernel() as kernel:
        for policy in [*policies, *reversed(policies)]:
            ruleset = ruleset_of(policy, ON)
            Applier(kernel).apply(ruleset)  # as after a restart: nothing is remembered
            expected["10.0.0.0/8"] += send(wire, "10.0.5.1", [10, 20])
            expected["elsewhere"] += send(wire, "8.8.8.8", [30])
            assert sent(ruleset, kernel) == expected


def test_without_the_option_nothing_is_said_about_packets(node: Node) -> None:
    ruleset = ruleset_of(make_policy("10.0.0.0/8"))
    Applier(node.kernel).apply(ruleset)
    assert connections(ruleset, node.kernel.counts()).sent is None
