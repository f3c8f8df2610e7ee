"""The shortest table says the same as the set, and no table that says the same is shorter."""

from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wayhome.prefixes import Family, Intervals, Prefix, PrefixTable
from wayhome.prefixes.shortest import shortest_table


def said_by(table: dict[Prefix, bool], family: Family, given: Prefix | None = None) -> Intervals:
    items = [*table.items(), *([(given, True)] if given else [])]
    return Intervals.of(
        (first, last) for first, last, answer in PrefixTable(family, items).flatten() if answer
    )


@st.composite
def address_sets(draw: Any, family: Family) -> Intervals:
    """Sets whose edges are often aligned or neighbours; sometimes nearly everything."""
    edge = st.one_of(
        st.integers(0, family.last),
        st.integers(0, 40),
        st.integers(0, 15).map(lambda n: n << family.bits - 4),
        st.sampled_from([family.last, family.last - 1, 0x0A000000, 0xA9FEA9FE]),
    )
    spans = draw(st.lists(st.tuples(edge, edge).map(lambda e: (min(e), max(e))), max_size=8))
    found = Intervals.of(spans)
    return Intervals.of([(0, family.last)]).minus(found) if draw(st.booleans()) else found


@given(st.data(), st.sampled_from(list(Family)))
def test_the_table_says_what_the_set_says(data: st.DataObject, family: Family) -> None:
    addresses = data.draw(address_sets(family))
    table = shortest_table(family, addresses)
    assert said_by(table, family) == addresses
    plain = sum(len(Prefix.from_interval(family, *span)) for span in addresses.spans)
    assert len(table) <= plain


@given(st.data(), st.sampled_from(list(Family)))
def test_it_does_not_repeat_what_is_given(data: st.DataObject, family: Family) -> None:
    """Tables around a given prefix; one for addresses in it that are out of the set needs exceptions."""
    length = data.draw(st.integers(0, family.bits - 1))
    first = data.draw(st.sampled_from([0, 0x0A000000, 0xA9FE0000, family.last]))
    given_prefix = Prefix(family, first >> (family.bits - length) << (family.bits - length), length)
    addresses = data.draw(address_sets(family))
    table = shortest_table(family, addresses, given_prefix)
    assert given_prefix not in table
    assert said_by(table, family, given_prefix) == addresses


def fewest_by_trying(given_prefix: Prefix | None) -> dict[Intervals, int]:
    """For each set of the 8 lowest addresses, how many prefixes it takes: found by trying all tables of up to 5."""
    prefixes = [
        Prefix(Family.IPV4, number << 32 - length, length)
        for length in range(29, 33)
        for number in range(1 << (length - 29))
    ]
    choices = [(p, answer) for p in prefixes for answer in (False, True) if p != given_prefix]
    fewest: dict[Intervals, int] = {}
    for count in range(5 if given_prefix is None else 6):
        for chosen in combinations(choices, count):
            said = said_by(dict(chosen), Family.IPV4, given_prefix)
            fewest.setdefault(said, count)
        if len(fewest) == 256:
            break
    return fewest


def test_no_table_is_shorter() -> None:
    for given_prefix in (None, Prefix.parse("0.0.0.4/30")):
        fewest = fewest_by_trying(given_prefix)
        assert len(fewest) == 256
        for addresses, count in fewest.items():
            table = shortest_table(Family.IPV4, addresses, given_prefix)
            assert len(table) == count, (addresses, table)
            # And so with all other addresses in the set.
            rest = Intervals.of([(0, Family.IPV4.last)]).minus(addresses)
            if given_prefix is None:
                assert len(shortest_table(Family.IPV4, rest)) <= count + 1


def test_a_complement_is_everything_with_exceptions() -> None:
    out = [Prefix.parse("168.63.129.16/32"), Prefix.parse("169.254.169.254/32")]
    everything = Intervals.of([(0, Family.IPV4.last)])
    complement = everything.minus(Intervals.of((p.first, p.last) for p in out))
    listed = [p for span in complement.spans for p in Prefix.from_interval(Family.IPV4, *span)]
    assert len(listed) == 55  # the fewest; theirs has three more, for the same addresses
    assert shortest_table(Family.IPV4, Intervals.of((p.first, p.last) for p in listed)) == {
        Prefix.parse("0.0.0.0/0"): True,
        out[0]: False,
        out[1]: False,
    }
