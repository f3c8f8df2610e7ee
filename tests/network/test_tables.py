"""Indices say what a scan of the rules says: route tables and the classifier of filters."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trace.networks import CLASSES, PREFIXES, addresses, protocol_matches, sets

from wayhome.network import (
    Address,
    Drop,
    Filter,
    FilterAction,
    FilterRule,
    Missing,
    PrefixSet,
    Protocol,
    Route,
    RouteTable,
)
from wayhome.prefixes import Family, Prefix

SIX = [Prefix.parse(text) for text in ("::/0", "fd00::/8", "fd00::1/128")]
any_address = st.one_of(
    addresses, st.just(Address.parse("fd00::1")), st.just(Address(Family.IPV6, 1))
)
routes = st.builds(
    Route,
    st.sampled_from([*PREFIXES, *SIX]),
    st.builds(Drop, st.sampled_from("abcdef")),
    st.just("STATIC"),
    st.integers(0, 2),
    st.sampled_from(CLASSES),
)


@settings(max_examples=300)
@given(st.lists(routes, max_size=12), any_address, st.sampled_from(CLASSES))
def test_a_look_up_finds_what_a_scan_finds(
    held: list[Route], address: Address, ingress: frozenset[str]
) -> None:
    fitting = [
        route
        for route in held
        if route.destination.contains(*address) and (not route.classes or route.classes & ingress)
    ]
    longest = [
        r for r in fitting if r.destination.length == max(f.destination.length for f in fitting)
    ]
    best = [r for r in longest if r.order == min(one.order for one in longest)]
    assert list(RouteTable.of(held).lookup(address, ingress)) == best


FACT = Missing("who knows", "ask")
rules = st.builds(
    FilterRule,
    action=st.sampled_from(FilterAction),
    sources=st.one_of(sets, st.just(PrefixSet.of(SIX[1:])), st.just(PrefixSet(()))),
    destinations=sets,
    protocols=protocol_matches,
    unknown=st.sampled_from([None, None, FACT]),
)
ports = st.sampled_from([0, 1, 79, 80, 81, 443, 1023, 1024, 65535])


@settings(max_examples=300)
@given(st.lists(rules, max_size=12), any_address, any_address, st.sampled_from(Protocol), ports)
def test_the_rules_of_a_stage_that_match_up_to_the_first_that_is_certain(
    held: list[FilterRule], source: Address, destination: Address, protocol: Protocol, port: int
) -> None:
    expected: list[FilterRule] = []
    for rule in held:
        matches = (
            (rule.sources is None or any(p.contains(*source) for p in rule.sources.prefixes))
            and (
                rule.destinations is None
                or any(p.contains(*destination) for p in rule.destinations.prefixes)
            )
            and (
                rule.protocols is None
                or any(match.matches(protocol, port) for match in rule.protocols)
            )
        )
        if matches:
            expected.append(rule)
            if rule.unknown is None:
                break
    filter_ = Filter(stages=(tuple(held),))
    assert filter_.matching(0, source, destination, protocol, port) == expected
    assert filter_.matching(0, source, destination, protocol, port) == expected  # and once indexed


@given(st.lists(st.sampled_from([*PREFIXES, *SIX]), max_size=4), any_address)
def test_a_set_holds_what_one_of_its_prefixes_holds(held: list[Prefix], address: Address) -> None:
    assert (address in PrefixSet.of(held)) is any(p.contains(*address) for p in held)
