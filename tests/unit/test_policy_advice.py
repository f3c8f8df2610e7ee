"""What lint says beyond what an agent says: entries without an effect, long lists, Pods that are not covered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.configurations import IPV6, configurations, configured

from wayhome.policy import Action, Finding, Policy, Settings, Severity
from wayhome.policy.advice import advise
from wayhome.policy.coverage import uncovered
from wayhome.prefixes import Family, Intervals, Prefix, PrefixTable


def notes(text: str, settings: Settings = Settings()) -> list[str]:  # noqa: B008  # frozen
    found = advise(configured(text, settings))
    assert all(note.severity is Severity.NOTE for note in found)
    return [str(note) for note in found]


def test_a_longer_prefix_with_the_same_outcome_has_no_effect() -> None:
    assert notes(
        "nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- 10.1.0.0/16\n- 10.2.3.0/24\nmasqueradeCIDRs:\n- 10.2.0.0/16\n- 10.2.4.0/24\n"
    ) == [
        "line 3: 10.1.0.0/16 has no effect: 10.0.0.0/8 (line 2) holds it and says the same; remove it",
        "line 7: 10.2.4.0/24 has no effect: 10.2.0.0/16 (line 6) holds it and says the same; remove it",
    ]


def test_an_exception_from_nothing_has_no_effect() -> None:
    assert notes("masqueradeCIDRs:\n- 8.8.8.8/32\n- 10.2.0.0/16\n") == [
        "line 2: 8.8.8.8/32 has no effect: nothing around it is kept, so it is masqueraded anyway; remove it"
    ]


def test_a_range_of_which_nothing_is_left_has_no_effect_and_its_parts_neither() -> None:
    ranges = "- 10.0.0.0/8\n- 192.168.0.0/16\n"
    text = f"nonMasqueradeCIDRs:\n{ranges}masqueradeCIDRs:\n- 10.0.0.0/9\n- 10.128.0.0/9\n"
    anyway = "nothing around it is kept, so it is masqueraded anyway"
    assert notes(text) == [
        "line 2: 10.0.0.0/8 has no effect: longer ones decide about everything in it; remove it",
        f"line 5: 10.0.0.0/9 has no effect: {anyway}; remove it",
        f"line 6: 10.128.0.0/9 has no effect: {anyway}; remove it",
    ]
    # Not so where a switch keeps what they are in.
    assert notes("masqueradeCIDRs: [169.254.0.0/17, 169.254.128.0/17]\n") == []


def test_link_local_ranges_are_kept_by_their_switch() -> None:
    text = "nonMasqueradeCIDRs:\n- 169.254.0.0/16\n- 169.254.169.254/32\n"
    assert notes(text) == [
        "line 2: 169.254.0.0/16 has no effect: masqLinkLocal is false and says the same; remove it",
        "line 3: 169.254.169.254/32 has no effect: 169.254.0.0/16 (masqLinkLocal is false) holds it and says the same; remove it",
    ]
    assert [note.split(":")[0] for note in notes(text + "masqLinkLocal: true\n")] == ["line 3"]
    assert notes("nonMasqueradeCIDRs: ['fe80::/10']\n", IPV6)


def test_a_switch_is_never_needless() -> None:
    assert notes("nonMasqueradeCIDRs: [0.0.0.0/0]\nmasqLinkLocal: false\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonMasqueradeCIDRs: [172.16.0.0/16, 10.1.0.0/16]\n",
        "masqueradeCIDRs: [10.2.0.0/16]\n",
        "nonMasqueradeCIDRs: [10.0.0.0/9, 10.128.0.0/9]\n",  # one line would do, but two are no mistake
        "nonMasqueradeCIDRs: [0.0.0.0/0]\nmasqueradeCIDRs: [168.63.129.16/32, 10.0.0.0/9]\n",
    ],
)
def test_good_lists_need_no_advice(text: str) -> None:
    assert notes(text) == []


def test_ten_without_ten_two_is_folded_and_long_lists_are_written_by_render() -> None:
    parts = "10.0.0.0/15, 10.3.0.0/16, 10.4.0.0/14, 10.8.0.0/13, 10.16.0.0/12, 10.32.0.0/11, 10.64.0.0/10, 10.128.0.0/9"
    (note,) = notes(f"nonMasqueradeCIDRs: [{parts}]\n")
    assert note == (
        "line 1: 8 ranges say what 2 say; write nonMasqueradeCIDRs: [10.0.0.0/8] and masqueradeCIDRs: [10.2.0.0/16], "
        "which upstream's agent does not know"
    )
    neighbours = "".join(f"- 10.{n}.{m}.0/24\n" for n in range(0, 40, 2) for m in range(4))
    assert notes(f"cidrLimit: 100\nnonMasqueradeCIDRs:\n{neighbours}") == [
        "line 3: 80 ranges say what 20 say; `wayhome policy render --for wayhome` writes them"
    ]
    assert notes('nonMasqueradeCIDRs: ["fd00::/10", "fd40::/10", "fd80::/10", "fdc0::/10"]\n', IPV6) == [
        'line 1: 4 ranges say what 1 say; write nonMasqueradeCIDRs: ["fd00::/8"]'
    ]  # fmt: skip


@given(configurations())
def test_all_entries_without_an_effect_can_be_removed_at_once(configuration: Any) -> None:
    policy = configuration.policy
    needless = {str(note.problem).split()[0] for note in advise(configuration) if "has no effect" in note.problem}  # fmt: skip
    left = Policy(
        tuple(e for e in policy.entries if e.origin.is_link_local or str(e.prefix) not in needless),
        ipv6=True,
    )
    for family in Family:
        assert left.kept(family) == policy.kept(family)
    # And none that is left repeats what holds it.
    for family in Family:
        entries = [entry for entry in left.entries if entry.prefix.family is family]
        table = PrefixTable(family, ((entry.prefix, entry) for entry in entries))
        for _prefix, entry, enclosing in table.nested():
            action = enclosing.action if enclosing else Action.MASQUERADE
            assert entry.action is not action or entry.origin.is_link_local


def pods(text: str, *ranges: str, settings: Settings = Settings()) -> list[Finding]:  # noqa: B008  # frozen
    return list(uncovered(configured(text, settings).policy, map(Prefix.parse, ranges)))


def test_pod_ranges_that_are_not_in_the_list() -> None:
    text = "nonMasqueradeCIDRs:\n- 172.16.0.0/16\n- 10.0.0.0/16\n- 10.1.0.0/16\n"
    assert pods(text, "172.16.2.0/24", "172.16.0.0/16", "10.0.0.0/15") == []
    (whole,) = pods(text, "10.4.0.0/14")
    assert whole.severity is Severity.WARNING
    assert str(whole) == (
        "no entry holds the Pod range 10.4.0.0/14, so Pods in it see a node in place of a Pod; "
        "write 10.4.0.0/14 below nonMasqueradeCIDRs"
    )
    (part,) = pods(text, "172.16.0.0/14")
    assert str(part) == (
        "of the Pod range 172.16.0.0/14 no entry holds 172.17.0.0/16, 172.18.0.0/15, so Pods there see a node in place "
        "of a Pod; write 172.16.0.0/14 below nonMasqueradeCIDRs"
    )
    (many,) = pods("nonMasqueradeCIDRs: [10.4.85.0/24, 10.7.9.1/32]\n", "10.4.0.0/14")
    assert " and 18 more, so Pods there" in many.problem


def test_pod_ranges_that_are_carved_out_name_the_line() -> None:
    text = "masqueradeCIDRs:\n- 10.2.0.0/16\n"
    (inside,) = pods(text, "10.0.0.0/14")
    assert str(inside) == (
        "line 2: 10.2.0.0/16 in masqueradeCIDRs hides Pods behind their node from Pods in 10.0.0.0/14; "
        "remove it, or write only the destinations in it that are no Pods"
    )
    (around,) = pods(text, "10.2.4.0/24")
    assert around.line == 2
    assert around.instead == "write 10.2.4.0/24 below nonMasqueradeCIDRs"
    mended = text + "nonMasqueradeCIDRs: [10.0.0.0/8, 10.2.4.0/24]\n"
    assert pods(mended, "10.2.4.0/24") == []


def test_ipv6_pods_matter_only_where_ipv6_is_masqueraded() -> None:
    assert pods("", "fd00::/64") == []
    (missing,) = pods("", "fd00::/64", settings=IPV6)
    assert missing.instead == "write fd00::/64 below nonMasqueradeCIDRs"


@given(configurations(), st.data())
def test_no_warning_means_that_all_pods_are_kept(configuration: Any, data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(list(Family)))
    entries = configuration.policy.entries
    length = data.draw(st.integers(0, family.bits))
    near = [e.prefix.first for e in entries if e.prefix.family is family] or [0]
    host_bits = family.bits - length
    pod_range = Prefix(family, data.draw(st.sampled_from(near)) >> host_bits << host_bits, length)
    left = Intervals.of([(pod_range.first, pod_range.last)]).minus(
        configuration.policy.kept(family)
    )
    assert bool(uncovered(configuration.policy, [pod_range])) is bool(left)
