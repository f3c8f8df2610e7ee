"""Where two policies differ, against their own decisions about every address that could matter."""

from hypothesis import given
from hypothesis import strategies as st

from wayhome.policy import Action, Packet, Policy, Settings, parse
from wayhome.policy.changes import changes
from wayhome.prefixes import Family

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
