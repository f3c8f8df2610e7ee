"""Counts of lines: summed up, and handed on when elements change."""

from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.policies import make_policy

from wayhome.kernel import Count, Counts, Masquerade, Ruleset, connections, ruleset_of
from wayhome.kernel.counts import ElementCounts, inherited
from wayhome.kernel.ruleset import Interval
from wayhome.prefixes import parse_address


def address(text: str) -> int:
    return parse_address(text)[1]


def count(number: int) -> Count:
    return Count(number, 60 * number)


def by_cidr(ruleset: Ruleset, counts: Counts) -> tuple[dict[str, int], int]:
    found = connections(ruleset, counts)
    return {
        str(entry.prefix): number for entry, number in found.by_entry.items()
    }, found.by_no_entry


def test_connections_are_summed_up_by_line_and_the_rest_is_nobodys() -> None:
    ruleset = ruleset_of(make_policy("10.0.0.0/8", "11.0.0.0/8", masquerade=["10.2.0.0/16"]))
    counts = Counts(
        {
            "keep4": {address("10.0.0.0"): count(3), address("10.3.0.0"): count(4)},
            "masquerade4": {address("10.2.0.0"): count(5)},
        },
        masqueraded=count(12),
    )
    expected = {"10.0.0.0/8": 7, "11.0.0.0/8": 0, "10.2.0.0/16": 5}
    assert by_cidr(ruleset, counts) == (expected, 7)


def test_a_table_that_counts_nothing_is_all_zeros() -> None:
    ruleset = ruleset_of(make_policy("10.0.0.0/8"))
    assert by_cidr(ruleset, Counts()) == ({"10.0.0.0/8": 0}, 0)


def changed(before: Ruleset, after: Ruleset, counts: ElementCounts) -> ElementCounts:
    """What is counted after a change that touches only the elements that differ."""

    def without(one: Ruleset, other: Ruleset) -> dict[str, list[Interval]]:
        return {
            name: [i for i in one.elements[name] if i not in other.elements[name]]
            for name in one.lines
        }

    removed = without(before, after)
    shares = inherited(counts, removed, without(after, before), after)
    gone = {(name, first) for name, intervals in removed.items() for first, _ in intervals}
    return {
        name: {
            **{f: c for f, c in counts.get(name, {}).items() if (name, f) not in gone},
            **shares.get(name, {}),
        }
        for name in after.lines
    }


def test_an_element_that_is_split_hands_its_count_to_its_first_part() -> None:
    whole = ruleset_of(make_policy("10.0.0.0/8"))
    split = ruleset_of(make_policy("10.0.0.0/8", "10.1.0.0/16", masquerade=["10.2.0.0/16"]))
    counts = {"keep4": {address("10.0.0.0"): count(9)}}
    after = changed(whole, split, counts)
    assert after == {"keep4": {address("10.0.0.0"): count(9)}, "masquerade4": {}}
    assert by_cidr(split, Counts(after))[0] == {
        "10.0.0.0/8": 9,
        "10.1.0.0/16": 0,
        "10.2.0.0/16": 0,
    }
    assert changed(split, whole, after)["keep4"] == {address("10.0.0.0"): count(9)}


def test_parts_that_become_one_are_added_up() -> None:
    split = ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.0.0.0/16", "10.2.0.0/16"]))
    whole = ruleset_of(make_policy("10.0.0.0/8"))
    counts = {
        "keep4": {address("10.1.0.0"): count(1), address("10.3.0.0"): count(2)},
        "masquerade4": {address("10.2.0.0"): count(4)},
    }
    assert changed(split, whole, counts) == {
        "keep4": {address("10.0.0.0"): count(3)},
        "masquerade4": {},  # its line is gone
    }


def test_another_line_does_not_inherit() -> None:
    before = ruleset_of(make_policy("10.0.0.0/8"))
    after = ruleset_of(make_policy("10.1.0.0/16", "10.2.0.0/16"))
    assert changed(before, after, {"keep4": {address("10.0.0.0"): count(9)}})["keep4"] == {}


def test_what_is_not_touched_keeps_its_count() -> None:
    before = ruleset_of(make_policy("10.0.0.0/8", "11.0.0.0/8"))
    after = ruleset_of(make_policy("10.0.0.0/8", "12.0.0.0/8"))
    counts = {"keep4": {address("10.0.0.0"): count(1), address("11.0.0.0"): count(2)}}
    assert changed(before, after, counts)["keep4"] == {address("10.0.0.0"): count(1)}


def test_ipv6() -> None:
    before = ruleset_of(make_policy("fd00::/8", ipv6=True))
    after = ruleset_of(make_policy("fd00::/8", "fd01::/16", ipv6=True))
    counts = {"keep6": {address("fd00::"): count(9)}}
    assert changed(before, after, counts)["keep6"] == {address("fd00::"): count(9)}


CORNER = st.sampled_from(
    [
        f"10.0.0.{first}/{length}"
        for length in range(28, 33)
        for first in range(0, 16, 1 << (32 - length))
    ]
)


@given(st.sets(CORNER), st.sets(CORNER), st.sets(CORNER), st.sets(CORNER))
def test_nothing_is_invented_and_what_stays_keeps_what_it_had(
    keep: set[str], carved: set[str], keep_after: set[str], carved_after: set[str]
) -> None:
    options = Masquerade(accounting=True)
    before = ruleset_of(make_policy(*keep, masquerade=sorted(carved - keep)), options)
    after = ruleset_of(
        make_policy(*keep_after, masquerade=sorted(carved_after - keep_after)), options
    )
    counts = {
        name: {first: count(number) for number, (first, _) in enumerate(before.elements[name], 1)}
        for name in before.lines
    }
    held = changed(before, after, counts)
    for name, intervals in after.elements.items():
        assert set(held[name]) <= {first for first, _ in intervals}
        assert sum(c.packets for c in held[name].values()) <= sum(
            c.packets for c in counts[name].values()
        )
        for interval in set(intervals) & set(before.elements[name]):
            assert held[name][interval[0]].packets >= counts[name][interval[0]].packets
    if (keep, carved - keep) == (keep_after, carved_after - keep_after):
        assert held == counts
