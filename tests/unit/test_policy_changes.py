"""Where two policies differ, against their own decisions about every address that could matter."""

from hypothesis import given
from hypothesis import strategies as st

from wayhome.policy import Action, Packet, Policy, Settings, parse
from wayhome.policy.changes import changes, gathered
from wayhome.prefixes import Family, Intervals

CASE = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"


def policy(text: str, *, ipv6: bool = False) -> Policy:
    configuration = parse(text.encode(), Settings(ipv6=ipv6)).configuration
    assert configuration
    return configuration.policy


def shown(old: Policy, new: Policy) -> list[str]:
    return [
        f"{c.prefix} {c.now.value} {c.then.value} {c.entry.origin if c.entry else None}"
        for c in changes(old, new)
    ]


def test_prefix_by_prefix_with_the_line_that_decides() -> None:
    new = policy(
        "nonMasqueradeCIDRs: [10.0.0.0/9, 172.16.0.0/12]\nmasqueradeCIDRs:\n- 10.1.0.0/16\n"
    )
    assert shown(policy(CASE), new) == [
        "10.1.0.0/16 keep masquerade line 3",
        "10.128.0.0/9 keep masquerade None",
        "172.16.0.0/12 masquerade keep line 1",
    ]


def test_the_same_meaning_is_no_change() -> None:
    assert shown(policy(CASE), policy("nonMasqueradeCIDRs: [10.0.0.0/9, 10.128.0.0/9]\n")) == []


def test_a_family_that_becomes_ours_is_masqueraded_but_for_its_list() -> None:
    found = changes(policy(CASE), policy(CASE, ipv6=True))
    assert {change.prefix.family for change in found} == {Family.IPV6}
    assert all(change.then is Action.MASQUERADE for change in found)
    assert not any(change.prefix.contains(Family.IPV6, 0xFE80 << 112) for change in found)


def test_gathered_into_what_was_meant() -> None:
    old, new = (
        policy("nonMasqueradeCIDRs: [10.0.0.0/8]\n"),
        policy("nonMasqueradeCIDRs: [10.1.0.0/16]\n"),
    )
    (line,) = gathered(changes(old, new))
    assert len(changes(old, new)) == 8
    assert (str(line.prefix), [str(hole) for hole in line.but]) == ("10.0.0.0/8", ["10.1.0.0/16"])
    assert (line.now, line.then, line.entry) == (Action.KEEP, Action.MASQUERADE, None)


PREFIXES = st.lists(
    st.tuples(st.integers(0, 255), st.integers(4, 16)).map(
        lambda found: (
            f"10.{found[0] & ~((1 << (16 - max(found[1], 8))) - 1)}.0.0/{max(found[1], 8)}"
            if found[1] >= 8
            else "10.0.0.0/8"
        )
    ),
    unique=True,
    max_size=6,
)


@given(PREFIXES, PREFIXES, PREFIXES)
def test_it_says_what_the_policies_decide(
    old: list[str], new: list[str], carved: list[str]
) -> None:
    carved = [prefix for prefix in carved if prefix not in new]
    before = policy(f"nonMasqueradeCIDRs: {old}\n")
    after = policy(f"nonMasqueradeCIDRs: {new}\nmasqueradeCIDRs: {carved}\n")
    found = changes(before, after)
    for second in range(256):
        destination = 10 << 24 | second << 16
        packet = Packet(Family.IPV4, destination)
        now, then = before.decide(packet), after.decide(packet)
        said = [c for c in found if c.prefix.contains(Family.IPV4, destination)]
        assert [(c.now, c.then, c.entry) for c in said] == (
            [(now.action, then.action, then.entry)] if now.action is not then.action else []
        )


@given(PREFIXES, PREFIXES)
def test_gathering_changes_nothing(old: list[str], new: list[str]) -> None:
    found = changes(policy(f"nonMasqueradeCIDRs: {old}\n"), policy(f"nonMasqueradeCIDRs: {new}\n"))
    for then in Action:
        exact = Intervals.of((c.prefix.first, c.prefix.last) for c in found if c.then is then)
        spans = Intervals()
        for line in gathered(found):
            if line.then is then:
                holes = Intervals.of((hole.first, hole.last) for hole in line.but)
                whole = Intervals.of([(line.prefix.first, line.prefix.last)])
                spans = spans.union(whole.minus(holes))
        assert spans == exact
