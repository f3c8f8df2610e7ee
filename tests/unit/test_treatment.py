"""What an old and a new policy make of a connection, case by case; and the shortcuts, against the policy itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.policies import make_policy

from wayhome.kernel import ruleset_of
from wayhome.kernel.connection import Connection, Endpoints
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.held_policy import held_policy
from wayhome.kernel.transactions import replacement
from wayhome.kernel.treatment import Comparison, Verdict, changed_destinations
from wayhome.policy import Action, Entry, Origin, Packet, Policy
from wayhome.prefixes import Family, Intervals, Prefix, parse_address

POD, NODE, BRIDGE = "10.4.0.2", "203.0.113.1", "10.4.0.1"
LOCAL = {
    Family.IPV4: Intervals.of([(parse_address(text)[1],) * 2 for text in (NODE, BRIDGE)]),
    Family.IPV6: Intervals.of([(parse_address("2001:db8:1::1")[1],) * 2]),
}
KEPT_BEFORE = make_policy("10.0.0.0/8", "172.16.0.0/12")
KEPT_AFTER = make_policy("10.0.0.0/8", "192.0.2.0/24", masquerade=["10.2.0.0/16"])
"""10.2/16 and 172.16/12 become masqueraded, 192.0.2/24 becomes kept."""
PODS = ("10.4.0.0/24",)


def opened(
    destination: str,
    seen_as: str | None = None,
    *,
    source: str = POD,
    asked: str | None = None,
    zone: int = 0,
    ports: tuple[int, int] = (40000, 40000),
) -> Connection:
    """A connection; `seen_as`: the source that the destination sees, `asked`: what the sender asked for."""
    family, to = parse_address(destination)
    sender, service = parse_address(source)[1], parse_address(asked or destination)[1]
    seen = parse_address(seen_as or source)[1]
    there = Endpoints(sender, service, ports[0], 80)
    return Connection(family, 6, there, Endpoints(to, seen, 80, ports[1]), 0, zone, 1, 9, b"")


def verdict(
    connection: Connection, old: Policy | None = KEPT_BEFORE, new: Policy = KEPT_AFTER
) -> Verdict:
    return Comparison(old, new, LOCAL).verdict(connection)


def test_the_treatment_changes() -> None:
    assert verdict(opened("10.2.0.1")) is Verdict.BECOMES_MASQUERADED
    assert verdict(opened("192.0.2.1", NODE)) is Verdict.BECOMES_KEPT


def test_the_treatment_stays() -> None:
    assert verdict(opened("10.1.0.1")) is Verdict.SAME
    assert verdict(opened("8.8.8.8", NODE)) is Verdict.SAME


def test_what_shows_the_new_treatment_already_stays() -> None:
    assert verdict(opened("10.2.0.1", NODE)) is Verdict.SAME
    assert verdict(opened("192.0.2.1")) is Verdict.SAME


def test_what_shows_neither_treatment() -> None:
    assert verdict(opened("8.8.8.8")) is Verdict.NEITHER  # older than the rules
    assert verdict(opened("10.1.0.1", NODE)) is Verdict.NEITHER  # or kube-proxy's mark


def test_a_fixed_address_is_somebody_elses() -> None:
    assert verdict(opened("192.0.2.1", "203.0.113.77")) is Verdict.NOT_OURS


def test_another_zone_is_somebody_elses() -> None:
    assert verdict(opened("10.2.0.1", zone=7)) is Verdict.NOT_OURS


def test_a_service_is_judged_by_its_pod() -> None:
    assert verdict(opened("10.2.0.1", asked="10.96.0.1")) is Verdict.BECOMES_MASQUERADED
    assert verdict(opened("10.1.0.1", asked="10.2.0.1")) is Verdict.SAME
    assert verdict(opened("192.0.2.1", NODE, asked="10.96.0.1")) is Verdict.BECOMES_KEPT


def test_a_pod_that_reaches_itself_through_a_service_is_kube_proxys() -> None:
    old, new = make_policy(), make_policy("10.0.0.0/8")
    assert verdict(opened(POD, BRIDGE, asked="10.96.0.1"), old, new) is Verdict.NOT_OURS
    assert verdict(opened("10.4.0.3", BRIDGE, asked="10.96.0.1"), old, new) is Verdict.BECOMES_KEPT


def test_what_came_to_the_node_and_was_sent_on_is_left_alone() -> None:
    old, new = make_policy(), make_policy("10.0.0.0/8")
    outside = opened("10.4.0.2", BRIDGE, source="198.51.100.1", asked=NODE)
    assert verdict(outside, old, new) is Verdict.NOT_OURS
    unmarked = opened("10.4.0.2", source="198.51.100.1", asked=NODE)
    assert verdict(unmarked, new, old) is Verdict.BECOMES_MASQUERADED  # kept, so nobody marked it


def test_inbound_connections_are_judged_in_upstreams_scope_only() -> None:
    old, new = make_policy(), make_policy("10.0.0.0/8")
    inbound = opened("10.4.0.2", BRIDGE, source="198.51.100.1")
    assert verdict(inbound, old, new) is Verdict.BECOMES_KEPT
    scoped = [make_policy(pods=PODS), make_policy("10.0.0.0/8", pods=PODS)]
    assert verdict(opened("10.4.0.2", source="198.51.100.1"), *scoped) is Verdict.SAME


def test_connections_to_the_node_itself() -> None:
    assert verdict(opened(BRIDGE), make_policy("10.0.0.0/8"), make_policy()) is Verdict.SAME
    assert (
        verdict(opened(NODE, asked="10.96.0.1"), make_policy("0.0.0.0/0"), make_policy())
        is Verdict.SAME
    )


def test_the_nodes_own_connections_have_the_nodes_address_already() -> None:
    assert verdict(opened("10.2.0.1", source=NODE)) is Verdict.SAME
    assert verdict(opened("8.8.8.8", source=NODE)) is Verdict.SAME
    only_the_port = opened("192.0.2.1", source=NODE, ports=(40000, 51234))
    assert verdict(only_the_port) is Verdict.SAME
    from_the_bridge = opened("192.0.2.1", NODE, source=BRIDGE)
    assert verdict(from_the_bridge) is Verdict.BECOMES_KEPT


def test_the_scope_changes() -> None:
    wide, narrow = make_policy("10.0.0.0/8"), make_policy("10.0.0.0/8", pods=["10.4.1.0/24"])
    assert verdict(opened("8.8.8.8", NODE), wide, narrow) is Verdict.BECOMES_KEPT
    assert verdict(opened("8.8.8.8"), narrow, wide) is Verdict.BECOMES_MASQUERADED
    pods = make_policy("10.0.0.0/8", pods=PODS)
    assert verdict(opened("8.8.8.8", NODE), wide, pods) is Verdict.SAME


def test_ipv6() -> None:
    without, with_it = make_policy(), make_policy("fd00::/8", ipv6=True)
    outside = opened("2001:db8:99::1", source="fd04::2")
    assert verdict(outside, without, without) is Verdict.SAME
    assert verdict(outside, without, with_it) is Verdict.BECOMES_MASQUERADED
    masqueraded = opened("2001:db8:99::1", "2001:db8:1::1", source="fd04::2")
    assert verdict(masqueraded, with_it, without) is Verdict.BECOMES_KEPT
    assert verdict(opened("fd01::1", source="fd04::2"), without, with_it) is Verdict.SAME


def test_without_an_old_policy_the_connection_shows_its_treatment() -> None:
    assert verdict(opened("8.8.8.8"), None) is Verdict.BECOMES_MASQUERADED
    assert verdict(opened("10.1.0.1", NODE), None) is Verdict.BECOMES_KEPT
    assert verdict(opened("10.1.0.1"), None) is Verdict.SAME
    assert verdict(opened("8.8.8.8", NODE), None) is Verdict.SAME


# Small numbers, so that ranges meet.
prefixes = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(
    lambda p: Prefix(Family.IPV4, p[0] >> (32 - p[1]) << (32 - p[1]), p[1])
)
pod_ranges = st.one_of(st.none(), st.lists(prefixes, min_size=1, max_size=3).map(tuple))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    listed = draw(st.dictionaries(prefixes, st.sampled_from(Action), max_size=8))
    entries = tuple(Entry(p, action, Origin("list", 1)) for p, action in listed.items())
    return Policy(entries, ipv6=draw(st.booleans()), pod_cidrs=draw(pod_ranges))


@given(policies(), policies(), st.integers(0, 260), st.integers(0, 255))
def test_changed_destinations_are_where_the_decisions_differ(
    old: Policy, other: Policy, destination: int, source: int
) -> None:
    new = Policy(other.entries, ipv6=old.ipv6, pod_cidrs=old.pod_cidrs)
    changed = changed_destinations(old, new)
    assert changed is not None
    packet = Packet(Family.IPV4, destination, source)
    before, after = old.decide(packet).action, new.decide(packet).action
    if old.in_scope(packet):
        assert (destination in changed.all[Family.IPV4]) == (before is not after)
        assert (destination in changed.kept[Family.IPV4]) == (
            before is not after and after is Action.KEEP
        )
    else:
        assert before is after is Action.KEEP
    if destination in changed.all[Family.IPV4]:
        assert changed


@given(policies(), policies(), st.integers(0, 260), st.integers(0, 255), st.booleans())
def test_a_verdict_that_changes_is_a_difference_of_decisions(
    old: Policy, new: Policy, destination: int, source: int, translated: bool
) -> None:
    """Exactly: the policies differ, and the connection shows the old one's decision."""
    node = parse_address(NODE)[1]
    there = Endpoints(source, destination, 1, 1)
    back = Endpoints(destination, node if translated else source, 1, 1)
    connection = Connection(Family.IPV4, 17, there, back, 0, 0, 1, 9, b"")
    packet = Packet(Family.IPV4, destination, source)
    shown = Action.MASQUERADE if translated else Action.KEEP
    before, after = old.decide(packet).action, new.decide(packet).action
    found = Comparison(old, new, LOCAL).verdict(connection)
    assert found.changes == (before is not after and shown is before)
    assert (found is Verdict.BECOMES_KEPT) == (found.changes and after is Action.KEEP)
    if found.changes and (changed := changed_destinations(old, new)) is not None:
        assert destination in changed.all[Family.IPV4]


@given(policies(), st.integers(0, 260), st.integers(0, 255))
def test_the_held_policy_decides_as_the_one_that_was_applied(
    policy: Policy, destination: int, source: int
) -> None:
    kernel = FakeKernel()
    kernel.write(replacement(ruleset_of(policy)))
    held = held_policy(kernel.read())
    assert held is not None
    assert held.families == policy.families
    packet = Packet(Family.IPV4, destination, source)
    assert held.decide(packet).action is policy.decide(packet).action
    assert changed_destinations(policy, held) is not None
    assert not changed_destinations(policy, held)


def test_no_policy_is_held_without_a_table_that_works() -> None:
    kernel = FakeKernel()
    assert held_policy(kernel.read()) is None
    kernel.write(replacement(ruleset_of(make_policy("10.0.0.0/8"))))
    kernel.nftables.run(
        "flush chain inet wayhome postrouting\ndelete chain inet wayhome postrouting\n"
    )
    assert held_policy(kernel.read()) is None


@pytest.mark.parametrize("pods", [None, PODS])
def test_scope_makes_all_destinations_change(pods: tuple[str, ...] | None) -> None:
    old, new = make_policy("10.0.0.0/8", pods=pods), make_policy("10.0.0.0/8", pods=["10.5.0.0/24"])
    assert changed_destinations(old, new) is None
    assert changed_destinations(old, make_policy("10.0.0.0/8", pods=pods, ipv6=True)) is None
