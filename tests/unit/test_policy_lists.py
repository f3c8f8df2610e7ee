"""Lists written anew mean what they meant: for upstream's agent, and with the fewest lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.configurations import configurations, configured

from wayhome.kernel import Masquerade
from wayhome.kernel.iptables import render_chain
from wayhome.policy import Action, Configuration, Packet, Settings
from wayhome.policy.advice import _at_least, advise
from wayhome.policy.lists import TooManyRangesError, lists_for_upstream, shortest_lists
from wayhome.policy.written import written
from wayhome.prefixes import Family, Intervals, Prefix


def for_upstream(text: str) -> str:
    configuration = configured(text, Settings())
    return written(configuration, lists_for_upstream(configuration))


def assert_same_decisions(one: Configuration, other: Configuration, asked: list[int]) -> None:
    for family in Family:
        intervals = (*one.policy.intervals(family), *other.policy.intervals(family))
        edges = [n for i in intervals for n in (i.first - 1, i.first, i.last, i.last + 1)]
        for destination in [*edges, *asked]:
            if 0 <= destination <= family.last:
                packet = Packet(family, destination)
                assert one.policy.decide(packet).action is other.policy.decide(packet).action


@given(configurations(), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_upstreams_list_decides_as_the_original(
    configuration: Configuration, asked: list[int]
) -> None:
    text = written(configuration, lists_for_upstream(configuration))
    again = configured(text)
    assert "masqueradeCIDRs:" not in text.replace("nonMasqueradeCIDRs:", "")
    assert all(entry.action is Action.KEEP for entry in again.policy.entries)
    assert render_chain(again.policy, Masquerade(), Family.IPV4)
    assert_same_decisions(configuration, again, asked)
    assert (again.cidr_limit, again.resync_interval) == (5000, 90.0)


@given(configurations(), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_the_shortest_lists_decide_as_the_original(
    configuration: Configuration, asked: list[int]
) -> None:
    lists = shortest_lists(configuration)
    again = configured(written(configuration, lists))
    listed = [e for e in configuration.policy.entries if not e.origin.is_link_local]
    assert _at_least(configuration.policy) <= len(lists) <= len(listed)
    assert_same_decisions(configuration, again, asked)
    # They say nothing needlessly.
    assert advise(again) == ()


def test_ten_without_ten_two_is_8_ranges() -> None:
    text = for_upstream("nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\n")
    assert text == (
        "nonMasqueradeCIDRs:\n  - 10.0.0.0/15\n  - 10.3.0.0/16\n  - 10.4.0.0/14\n  - 10.8.0.0/13\n"
        "  - 10.16.0.0/12\n  - 10.32.0.0/11\n  - 10.64.0.0/10\n  - 10.128.0.0/9\n"
        "masqLinkLocal: false\nmasqLinkLocalIPv6: false\ncidrLimit: 64\nresyncInterval: 60s\n"
    )


def test_a_list_that_upstream_reads_as_it_is_stays_as_it_is() -> None:
    text = for_upstream(
        "nonMasqueradeCIDRs: [192.168.0.0/16, 10.0.0.0/8, 10.1.0.0/16]\nmasqLinkLocalIPv6: true\ncidrLimit: 3\nresyncInterval: 1.5s\n"
    )
    assert text == (
        "nonMasqueradeCIDRs:\n  - 192.168.0.0/16\n  - 10.0.0.0/8\n  - 10.1.0.0/16\n"
        "masqLinkLocal: false\nmasqLinkLocalIPv6: true\ncidrLimit: 3\nresyncInterval: 1.5s\n"
    )


def test_upstreams_link_local_switch_is_all_or_nothing() -> None:
    text = for_upstream("masqueradeCIDRs: [169.254.169.254/32]\n")
    assert "masqLinkLocal: true\n" in text
    assert "  - 169.254.169.255/32\n" in text
    # What the switch keeps needs no line, and merges with its neighbours where that is shorter.
    text = for_upstream("nonMasqueradeCIDRs: [169.0.0.0/8]\nmasqueradeCIDRs: [169.128.0.0/16]\n")
    assert "masqLinkLocal: false\n" in text
    assert "169.254" not in text
    assert "  - 169.192.0.0/10\n" in text


def test_more_ranges_than_the_limit_are_refused_with_their_number() -> None:
    text = "nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\ncidrLimit: "
    with pytest.raises(
        TooManyRangesError, match=r"has 8 ranges, and cidrLimit is 7: write `cidrLimit: 8`"
    ):
        for_upstream(text + "7\n")
    assert for_upstream(text + "8\n")


@pytest.mark.parametrize("interval", ["60s", "1m0.25s", "2562047h", "1h0m0.000000001s"])
def test_durations_are_written_as_go_reads_them(interval: str) -> None:
    configuration = configured(f"resyncInterval: {interval}\n")
    again = configured(written(configuration, lists_for_upstream(configuration)))
    assert again.resync_interval == pytest.approx(configuration.resync_interval, abs=1e-9)


def complement(*out: str) -> list[Prefix]:
    everything = Intervals.of([(0, Family.IPV4.last)])
    spans = everything.minus(Intervals.of((p.first, p.last) for p in map(Prefix.parse, out))).spans
    return [p for span in spans for p in Prefix.from_interval(Family.IPV4, *span)]


def test_microsofts_58_ranges_become_the_two_lines_that_were_meant() -> None:
    """A ConfigMap of AKS lists everything but its DNS server and its metadata server, in 58 ranges; 55 would do."""
    ranges = complement("168.63.129.16/32", "169.254.169.254/32")
    while len(ranges) < 58:
        widest = min(ranges, key=lambda prefix: prefix.length)
        half = 1 << (31 - widest.length)
        ranges.remove(widest)
        ranges += [
            Prefix(Family.IPV4, first, widest.length + 1)
            for first in (widest.first, widest.first + half)
        ]
    text = "nonMasqueradeCIDRs:\n" + "".join(f"- {prefix}\n" for prefix in sorted(ranges))
    (note,) = advise(configured(text + "masqLinkLocal: true\n"))
    assert str(note) == (
        "line 2: 58 ranges say what 3 say; write nonMasqueradeCIDRs: [0.0.0.0/0] and masqueradeCIDRs: "
        "[168.63.129.16/32, 169.254.169.254/32], which upstream's agent does not know"
    )
    # With the switch off, the metadata server is kept after all, and the list says so.
    notes = advise(configured(text))
    assert str(notes[0]).endswith(
        "write nonMasqueradeCIDRs: [0.0.0.0/0] and masqueradeCIDRs: [168.63.129.16/32], which upstream's agent does not know"
    )
