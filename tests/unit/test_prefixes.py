import ipaddress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayhome.prefixes import (
    Family,
    Intervals,
    Prefix,
    PrefixError,
    PrefixTable,
    format_address,
    parse_address,
)

families = st.sampled_from(list(Family))


def addresses(family: Family) -> st.SearchStrategy[int]:
    """Any address; often one near the edges, where mistakes live."""
    edges = st.sampled_from([0, 1, family.last - 1, family.last, family.last // 2])
    return st.one_of(st.integers(0, family.last), edges, st.integers(0, 300))


@st.composite
def prefixes(draw: Any, family: Family) -> Prefix:
    length = draw(st.one_of(st.integers(0, family.bits), st.sampled_from([0, 1, family.bits])))
    host_bits = family.bits - length
    return Prefix(family, draw(addresses(family)) >> host_bits << host_bits, length)


def network(prefix: Prefix) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    kind = ipaddress.IPv4Network if prefix.family is Family.IPV4 else ipaddress.IPv6Network
    return kind((prefix.first, prefix.length))


@given(st.data())
def test_addresses_are_written_and_read_as_ipaddress_does(data: st.DataObject) -> None:
    family = data.draw(families)
    address = data.draw(addresses(family))
    kind = ipaddress.IPv4Address if family is Family.IPV4 else ipaddress.IPv6Address
    text = format_address(family, address)
    assert kind(text) == kind(address)
    assert parse_address(text) == (family, address)


@given(st.data())
def test_prefixes_are_written_and_read_as_ipaddress_does(data: st.DataObject) -> None:
    prefix = data.draw(prefixes(data.draw(families)))
    if prefix.family is Family.IPV6 and prefix.first >> 32 == 0xFFFF:
        return  # refused on purpose, see below
    expected = network(prefix)
    assert ipaddress.ip_network(str(prefix)) == expected
    assert Prefix.parse(str(expected)) == prefix
    assert prefix.last == int(expected.broadcast_address)


@given(st.data())
def test_any_address_with_a_length_is_aligned_or_told_how_to_be(data: st.DataObject) -> None:
    family = data.draw(families)
    address, length = data.draw(addresses(family)), data.draw(st.integers(0, family.bits))
    if family is Family.IPV6 and address >> 32 == 0xFFFF:
        return
    text = f"{format_address(family, address)}/{length}"
    aligned = ipaddress.ip_network(text, strict=False)
    if int(aligned.network_address) == address:
        assert Prefix.parse(text) == Prefix(family, address, length)
        return
    with pytest.raises(PrefixError) as caught:
        Prefix.parse(text)
    assert caught.value.instead is not None
    assert ipaddress.ip_network(caught.value.instead) == aligned


@pytest.mark.parametrize(
    ("text", "problem", "instead"),
    [
        ("10.0.0.1/8", "has bits set to the right of its prefix length", "10.0.0.0/8"),
        ("10.0.0.0", "has no prefix length", "10.0.0.0/32"),
        ("fd00::", "has no prefix length", "fd00::/128"),
        ("10.0.0.0/33", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/-1", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/" + "9" * 5000, "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/" + "0" * 5000, "has a prefix length that begins with 0", "10.0.0.0/0, in decimal"),
        ("10.0.0.0/0000000009999", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/08", "has a prefix length that begins with 0", "10.0.0.0/8, in decimal"),
        ("10.0.0.0/010", "has a prefix length that begins with 0", "10.0.0.0/10, in decimal"),
        ("::/00", "has a prefix length that begins with 0", "::/0, in decimal"),
        ("10.0.0.0/+8", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/8/8", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("10.0.0.0/٨", "has a prefix length that is not a number from 0 to 32", "10.0.0.0/LENGTH"),
        ("010.0.0.0/8", "is not a CIDR", "an address and a prefix length, such as 10.0.0.0/8"),
        ("10.0/8", "is not a CIDR", "an address and a prefix length, such as 10.0.0.0/8"),
        ("", "is not a CIDR", "an address and a prefix length, such as 10.0.0.0/8"),
        ("a\0b/8", "is not a CIDR", "an address and a prefix length, such as 10.0.0.0/8"),
        ("fe80::1%eth0/64", "is not a CIDR", "an address and a prefix length, such as 10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "is an IPv4 address written as IPv6", "10.0.0.0/8"),
    ],
)  # fmt: skip
def test_what_is_no_prefix_says_what_to_write(text: str, problem: str, instead: str) -> None:
    with pytest.raises(PrefixError) as caught:
        Prefix.parse(text)
    assert (caught.value.problem, caught.value.instead) == (problem, instead)


@given(st.data())
def test_an_interval_is_the_fewest_prefixes(data: st.DataObject) -> None:
    family = data.draw(families)
    first, last = sorted([data.draw(addresses(family)), data.draw(addresses(family))])
    kind = ipaddress.IPv4Address if family is Family.IPV4 else ipaddress.IPv6Address
    expected = list(ipaddress.summarize_address_range(kind(first), kind(last)))
    assert [network(prefix) for prefix in Prefix.from_interval(family, first, last)] == expected


small = st.integers(0, 60)
span_lists = st.lists(st.tuples(small, small).map(lambda ends: (min(ends), max(ends))), max_size=8)


def members(spans: Any) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}


@given(span_lists, span_lists)
def test_intervals_are_sets(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    one, other = Intervals.of(left), Intervals.of(right)
    assert members(one.spans) == members(left)
    assert members(one.union(other).spans) == members(left) | members(right)
    assert members(one.minus(other).spans) == members(left) - members(right)
    assert {number for number in range(70) if number in one} == members(left)
    assert bool(one) == bool(left)


@given(span_lists, span_lists)
def test_intervals_have_one_representation(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    for made in (Intervals.of(left), Intervals.of(left).minus(Intervals.of(right))):
        assert all(first <= last for first, last in made.spans)
        assert all(a[1] + 1 < b[0] for a, b in pairwise(made.spans))


def table_of(data: st.DataObject, family: Family) -> tuple[list[tuple[Prefix, int]], list[int]]:
    """Prefixes and addresses that meet: the addresses are mostly in or beside the prefixes."""
    found = data.draw(st.lists(prefixes(family), max_size=12))
    near = [
        min(max(edge + step, 0), family.last)
        for prefix in found
        for edge in (prefix.first, prefix.last)
        for step in (-1, 0, 1)
    ]
    return list(zip(found, range(1, 100), strict=False)), near + data.draw(
        st.lists(addresses(family), max_size=5)
    )


@given(st.data())
def test_the_longest_prefix_decides_and_the_flat_intervals_say_the_same(
    data: st.DataObject,
) -> None:
    family = data.draw(families)
    items, asked = table_of(data, family)
    table = PrefixTable(family, items)
    flat = table.flatten()
    assert all(a[1] < b[0] for a, b in pairwise(flat))
    for address in asked:
        kind = ipaddress.IPv4Address if family is Family.IPV4 else ipaddress.IPv6Address
        holding = [
            (prefix.length, -value) for prefix, value in items if kind(address) in network(prefix)
        ]
        expected = -max(holding)[1] if holding else None
        assert table.lookup(address) == expected
        assert [value for first, last, value in flat if first <= address <= last] == (
            [expected] if holding else []
        )


def test_a_table_refuses_the_other_family() -> None:
    with pytest.raises(ValueError, match="is not an IPv4 prefix"):
        PrefixTable(Family.IPV4, [(Prefix.parse("fd00::/8"), 1)])
