import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayhome.policy import Action, Entry, Origin, Packet, Policy, Reason, Settings, parse
from wayhome.prefixes import Family, Prefix, parse_address

CASE = b"nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"


def policy_of(data: bytes, **settings: Any) -> Policy:
    parsed = parse(data, Settings(**settings))
    assert parsed.configuration is not None, parsed.findings
    return parsed.configuration.policy


def packet(destination: str, source: str = "172.16.2.2", **flags: bool) -> Packet:
    family, address = parse_address(destination)
    return Packet(family, address, parse_address(source)[1], **flags)


@pytest.mark.parametrize(
    ("destination", "action", "line"),
    [
        ("10.2.0.1", Action.MASQUERADE, None),
        ("10.1.0.3", Action.KEEP, 3),
        ("172.16.1.2", Action.KEEP, 2),
        ("169.254.169.254", Action.KEEP, None),
        ("8.8.8.8", Action.MASQUERADE, None),
    ],
)
def test_the_accounts_policy(destination: str, action: Action, line: int | None) -> None:
    decision = policy_of(CASE).decide(packet(destination))
    assert decision.action is action
    if line:
        assert decision.entry is not None
        assert decision.entry.origin.line == line


def test_the_smallest_change_carves_out_the_one_destination() -> None:
    policy = policy_of(b"masqueradeCIDRs: [10.2.0.0/16]\n")
    assert policy.decide(packet("10.2.0.1")).action is Action.MASQUERADE
    assert policy.decide(packet("10.3.0.1")).action is Action.KEEP


def test_what_is_not_ours_to_translate() -> None:
    policy = policy_of(b"nonMasqueradeCIDRs: []\n")
    assert policy.decide(packet("10.2.0.1", marked=True)).reason is Reason.MARKED
    assert (
        policy.decide(packet("10.2.0.1", destination_is_local=True)).reason
        is Reason.LOCAL_DESTINATION
    )
    assert policy.decide(packet("fd00::1", "fd01::1")).reason is Reason.FAMILY
    for reason in (Reason.MARKED, Reason.LOCAL_DESTINATION, Reason.FAMILY):
        assert reason.value
    assert (
        policy.decide(packet("10.2.0.1", "203.0.113.9")).action is Action.MASQUERADE
    )  # upstream's scope: any source


def test_the_scope_of_pods() -> None:
    policy = policy_of(b"nonMasqueradeCIDRs: []\n", pod_cidrs=(Prefix.parse("172.16.2.0/24"),))
    assert policy.decide(packet("10.2.0.1")).action is Action.MASQUERADE
    assert policy.decide(packet("10.2.0.1", "172.16.1.2")).reason is Reason.NOT_FROM_A_POD
    assert policy.decide(packet("10.2.0.1", "10.1.0.12")).reason is Reason.NOT_FROM_A_POD
    assert (
        policy.decide(packet("10.2.0.1", "172.16.2.1", source_is_local=True)).reason
        is Reason.NOT_FROM_A_POD
    )


def test_ipv6_with_the_flag() -> None:
    policy = policy_of(b"nonMasqueradeCIDRs: ['fd00::/8']\n", ipv6=True)
    assert policy.decide(packet("fd00::1", "fd01::1")).action is Action.KEEP
    assert policy.decide(packet("2001:db8::1", "fd01::1")).action is Action.MASQUERADE
    assert policy.decide(packet("fe80::1", "fd01::1")).action is Action.KEEP


near = st.integers(0x0A000000, 0x0A00FFFF)


@st.composite
def entries(draw: Any) -> list[Entry]:
    """Entries that overlap: all of them lie around the same addresses."""
    found: dict[Prefix, Entry] = {}
    for _ in range(draw(st.integers(0, 10))):
        length = draw(st.integers(4, 32))
        first = draw(near) >> (32 - length) << (32 - length)
        prefix = Prefix(Family.IPV4, first, length)
        found.setdefault(
            prefix, Entry(prefix, draw(st.sampled_from(Action)), Origin("list", len(found) + 1))
        )
    return list(found.values())


@given(entries(), st.lists(near, max_size=10), st.randoms())
def test_the_longest_prefix_decides_whatever_the_order(
    found: list[Entry], asked: list[int], random: Any
) -> None:
    policy = Policy(tuple(found))
    shuffled = found.copy()
    random.shuffle(shuffled)
    edges = [edge for entry in found for edge in (entry.prefix.first, entry.prefix.last)]
    intervals = policy.intervals(Family.IPV4)
    for destination in asked + edges:
        holding = [
            (entry.prefix.length, entry)
            for entry in found
            if ipaddress.ip_address(destination) in ipaddress.ip_network(str(entry.prefix))
        ]
        expected = max(holding, key=lambda item: item[0])[1] if holding else None
        decision = policy.decide(Packet(Family.IPV4, destination))
        assert decision.entry == expected
        assert decision.action is (expected.action if expected else Action.MASQUERADE)
        assert decision == Policy(tuple(shuffled)).decide(Packet(Family.IPV4, destination))
        assert [i.entry for i in intervals if i.first <= destination <= i.last] == (
            [expected] if expected else []
        )
