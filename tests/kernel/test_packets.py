"""Real packets through a real node: what the other side sees is what the policy says."""

import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.kernel import (
    Applier,
    BackendName,
    Change,
    Masquerade,
    NftablesKernel,
    open_backend,
    ruleset_of,
)
from wayhome.policy import Action, Packet
from wayhome.prefixes import Family, format_address

pytestmark = pytest.mark.kernel


Apply = Callable[..., Change]


@pytest.fixture
def apply(wire: Wire) -> Iterator[Apply]:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        yield lambda policy, options=None: applier.apply(ruleset_of(policy, options))


def test_without_rules_everybody_sees_the_pod(wire: Wire) -> None:
    assert wire.send("8.8.8.8").source == wire.POD4
    assert wire.send("2001:db8:99::1").source == wire.POD6


def test_kept_and_masqueraded_destinations(wire: Wire, apply: Apply) -> None:
    apply(make_policy("10.0.0.0/8", "172.16.0.0/12", masquerade=["10.2.0.0/16"]))
    assert wire.send("10.1.2.3").source == wire.POD4
    assert wire.send("172.31.255.255").source == wire.POD4
    assert wire.send("10.2.0.1").source == wire.NODE4
    assert wire.send("172.32.0.0").source == wire.NODE4
    assert wire.send("8.8.8.8").source == wire.NODE4


def test_the_list_takes_effect_from_one_connection_to_the_next(wire: Wire, apply: Apply) -> None:
    apply(make_policy("10.0.0.0/8"))
    assert wire.send("10.2.0.1").source == wire.POD4
    apply(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"]))
    assert wire.send("10.2.0.1").source == wire.POD4  # this connection is older than the rule
    assert wire.send("10.2.0.2").source == wire.NODE4


def test_ipv6_is_nobodys_business_unless_enabled(wire: Wire, apply: Apply) -> None:
    apply(make_policy("10.0.0.0/8"))
    assert wire.send("2001:db8:99::1").source == wire.POD6


def test_ipv6(wire: Wire, apply: Apply) -> None:
    apply(make_policy("fd00::/8", masquerade=["fd02::/16"], ipv6=True))
    assert wire.send("fd01::1").source == wire.POD6
    assert wire.send("fd02::1").source == wire.NODE6
    assert wire.send("2001:db8:99::1").source == wire.NODE6
    assert wire.send("8.8.8.8").source == wire.NODE4


def test_what_kube_proxy_marked_is_left_to_it(wire: Wire, apply: Apply) -> None:
    nft(
        "add table ip kube\n"
        "add chain ip kube forward { type filter hook forward priority 0; }\n"
        "add rule ip kube forward ip daddr 9.9.9.9 meta mark set meta mark or 0x4000\n"
    )
    apply(make_policy("10.0.0.0/8"))
    assert wire.send("9.9.9.9").source == wire.POD4
    assert wire.send("8.8.8.8").source == wire.NODE4
    apply(make_policy("10.0.0.0/8"), Masquerade(kube_proxy_mark_bit=None))
    assert wire.send("9.9.9.9", new=True).source == wire.NODE4


def test_a_local_destination_keeps_address_and_port(wire: Wire, apply: Apply) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("10.4.0.1", 5555))
        ear.settimeout(5)
        mouth.bind((wire.NODE4, 4444))
        apply(make_policy())
        mouth.sendto(b"?", ("10.4.0.1", 5555))
        assert ear.recvfrom(64)[1] == (wire.NODE4, 4444)
        # Without the rule for local destinations it would be translated.
        nft("flush chain inet wayhome postrouting\nadd rule inet wayhome postrouting masquerade")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind((wire.NODE4, 4445))
            again.sendto(b"?", ("10.4.0.1", 5555))
            assert ear.recvfrom(64)[1][0] != wire.NODE4


def test_the_node_itself_is_masqueraded_in_upstreams_scope_only(wire: Wire, apply: Apply) -> None:
    """Its address towards the Pods lies in the Pod range."""

    def seen_from_port(port: int) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            mouth.bind(("10.4.0.1", port))
            mouth.sendto(b"?", ("8.8.8.8", wire.PORT))
        return str(wire.arrived(socket.AF_INET).source)

    apply(make_policy("10.0.0.0/8"))
    assert seen_from_port(4444) == wire.NODE4
    apply(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]))
    assert seen_from_port(4445) == "10.4.0.1"


def test_only_pods_of_this_node_are_in_the_scope_of_pods(wire: Wire, apply: Apply) -> None:
    apply(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]))
    assert wire.send("8.8.8.8").source == wire.NODE4
    assert wire.send("10.9.9.9").source == wire.POD4
    apply(make_policy("10.0.0.0/8", pods=["10.4.1.0/24"]))
    assert wire.send("8.8.4.4").source == wire.POD4


def test_pods_of_both_families(wire: Wire, apply: Apply) -> None:
    apply(make_policy("10.0.0.0/8", ipv6=True, pods=["10.4.0.0/24", "fd04::/64"]))
    assert wire.send("8.8.8.8").source == wire.NODE4
    assert wire.send("2001:db8:99::1").source == wire.NODE6


def test_inbound_connections_are_masqueraded_in_upstreams_scope_only(
    wire: Wire, apply: Apply
) -> None:
    with wire.pod.entered():
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ear:
        ear.bind((wire.POD4, 5555))
        ear.settimeout(5)
        for port, pods, seen in (
            (4444, None, "10.4.0.1"),
            (4445, ["10.4.0.0/24"], "203.0.113.2"),
        ):
            apply(make_policy(pods=pods))
            with wire.ext.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
                mouth.bind(("203.0.113.2", port))
                mouth.sendto(b"?", (wire.POD4, 5555))
            assert ear.recvfrom(64)[1][0] == seen


def test_source_ports_come_from_the_ranges(wire: Wire, apply: Apply) -> None:
    ranges = ((40000, 40009), (50000, 50029))
    apply(make_policy(), Masquerade(to_ports=ranges))
    ports = Counter(wire.send(f"8.8.{i >> 8}.{i & 255}").source_port for i in range(2000))
    assert set(ports) <= {*range(40000, 40010), *range(50000, 50030)}
    in_the_first = sum(count for port, count in ports.items() if port < 50000)
    assert 400 < in_the_first < 600  # 10 of 40 ports: 500 of 2,000, give or take five deviations


@pytest.mark.parametrize(
    ("name", "kept", "carved_out"),
    [
        (BackendName.NFTABLES, 300, 100),
        # Carved up into prefixes, these are as many rules as an ordinary user's iptables-nft can send.
        (BackendName.IPTABLES_NFT, 80, 20),
        (BackendName.IPTABLES_LEGACY, 300, 100),
    ],
)
@pytest.mark.usefixtures("xtables_lock")
def test_ten_thousand_destinations_are_treated_as_the_policy_decides(
    wire: Wire, name: BackendName, kept: int, carved_out: int
) -> None:
    dice = random.Random(1)
    cidrs = {random_cidr(dice) for _ in range(kept)}
    carved = {random_cidr(dice) for _ in range(carved_out)} - cidrs
    policy = make_policy(*cidrs, masquerade=sorted(carved), ipv6=True)
    with closing(open_backend(name, Masquerade())) as backend:
        backend.apply(policy)
    borders = [e.prefix.first - 1 for e in policy.entries] + [e.prefix.last for e in policy.entries]
    seen: Counter[bool] = Counter()
    for number in range(10_000):
        address = (borders[number % len(borders)] + number // len(borders)) % 2**32
        if number % 2 or unroutable(address):
            address = random_address(dice)
        destination = format_address(Family.IPV4, address)
        keeps = policy.decide(Packet(Family.IPV4, address)).action is Action.KEEP
        seen[keeps] += 1
        assert wire.send(destination).source == (wire.POD4 if keeps else wire.NODE4), destination
    assert min(seen.values()) > 1000


def unroutable(address: int) -> bool:
    """What a host does not send, and the networks between the Pod and ext."""
    first = address >> 24
    return (
        first in (0, 127)
        or first >= 224
        or address >> 8 in (0x0A0400, 0xCB0071)  # 10.4.0.0/24, 203.0.113.0/24
    )


def random_address(dice: random.Random) -> int:
    while unroutable(address := dice.getrandbits(32)):
        pass
    return address


def random_cidr(dice: random.Random) -> str:
    length = dice.choice((6, 8, 12, 16, 20, 24, 28, 32))
    first = random_address(dice) >> (32 - length) << (32 - length)
    return f"{format_address(Family.IPV4, first)}/{length}"
