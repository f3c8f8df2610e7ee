"""The pure parts of the iptables back end: which prefixes are listed, when two rules are the same, and what is restored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.policies import make_policy

from wayhome.kernel import ChainCause, Masquerade
from wayhome.kernel.iptables import CHAIN, chain_of, check_chain_name, kept_prefixes
from wayhome.kernel.iptables_difference import Wanted, difference, removal
from wayhome.kernel.iptables_table import Held, held, meaning
from wayhome.policy import Action, Entry, Origin, Packet, Policy
from wayhome.prefixes import Family, Prefix

IPV4, IPV6 = Family.IPV4, Family.IPV6


def kept(policy: Policy, family: Family = IPV4) -> list[str]:
    return [str(prefix) for prefix in kept_prefixes(policy, family)]


def test_without_carved_out_ranges_the_list_is_the_configurations() -> None:
    listed = ["192.168.0.0/16", "10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"]
    assert kept(make_policy(*listed)) == listed
    assert kept(make_policy("10.0.0.0/8", "fd00::/8", ipv6=True), IPV6) == ["fd00::/8"]


def test_a_carved_out_range_leaves_the_rest_in_the_entrys_place() -> None:
    policy = make_policy(
        "192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12", masquerade=["10.2.0.0/16"]
    )
    assert kept(policy) == [
        "192.168.0.0/16",
        "10.0.0.0/15",
        "10.3.0.0/16",
        "10.4.0.0/14",
        "10.8.0.0/13",
        "10.16.0.0/12",
        "10.32.0.0/11",
        "10.64.0.0/10",
        "10.128.0.0/9",
        "172.16.0.0/12",
    ]


def test_an_entry_inside_a_carved_out_range_stays_whole() -> None:
    policy = make_policy("10.0.0.0/15", "10.1.2.0/24", masquerade=["10.1.0.0/16"])
    assert kept(policy) == ["10.0.0.0/16", "10.1.2.0/24"]


near = st.integers(0x0A000000, 0x0A00FFFF)


@st.composite
def entries(draw: Any) -> list[Entry]:
    """Entries that overlap: all of them lie around the same addresses."""
    found: dict[Prefix, Entry] = {}
    for _ in range(draw(st.integers(0, 10))):
        length = draw(st.integers(4, 32))
        prefix = Prefix(IPV4, draw(near) >> (32 - length) << (32 - length), length)
        action = draw(st.sampled_from(Action))
        found.setdefault(prefix, Entry(prefix, action, Origin("list", len(found) + 1)))
    return list(found.values())


@given(entries(), st.lists(near, max_size=10))
def test_a_destination_is_listed_exactly_if_the_policy_keeps_the_address(
    found: list[Entry], asked: list[int]
) -> None:
    policy = Policy(tuple(found))
    listed = list(kept_prefixes(policy, IPV4))
    edges = {edge for e in found for edge in (e.prefix.first, e.prefix.last)}
    for destination in edges.union(asked):
        keeps = policy.decide(Packet(IPV4, destination)).action is Action.KEEP
        assert any(p.contains(IPV4, destination) for p in listed) == keeps


@pytest.mark.parametrize("name", ["IP-MASQ", "IP-MASQ-AGENT", "a", "_x.y:z", "x" * 28])
def test_a_chains_name(name: str) -> None:
    check_chain_name(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "has 0"),
        ("x" * 29, "1 to 28 characters"),
        ("-X", "no - at the beginning"),
        ("a b", "letters, digits"),
        ("a\n-F", "letters, digits"),
        ("POSTROUTING", "iptables' own"),
        ("MASQUERADE", "iptables' own"),
    ],
)
def test_what_is_no_chains_name(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_chain_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-d 10.0.0.1 -j RETURN", "-d 10.0.0.1/32 -j RETURN"),
        ("-d 0.0.0.0/0 -j RETURN", "-j RETURN"),
        ("-m comment --comment word -d 10.0.0.0/8 -j X", '-d 10.0.0.0/8 -m comment --comment "word" -j X'),
        (r'-m comment --comment "a \"b\" c"', r'-m comment --comment "a \"b\" c"'),
        ("-m statistic --mode random --probability 0.46153846154", "-m statistic --mode random --probability 0.46153846150"),
        ("-j MASQUERADE --random-fully --to-ports 1-2", "-j MASQUERADE --to-ports 1-2 --random-fully"),
    ],
)  # fmt: skip
def test_the_same_rule_written_in_two_ways(one: str, other: str) -> None:
    assert meaning(one, IPV4) == meaning(other, IPV4)


def test_the_same_rule_of_ipv6_written_in_two_ways() -> None:
    assert meaning("-d FD00:0::1 -j X", IPV6) == meaning("-d fd00::1/128 -j X", IPV6)
    assert meaning("-d ::/0 -j X", IPV6) == meaning("-j X", IPV6)


@given(
    st.lists(
        st.sampled_from(
            [
                "-A",
                "POSTROUTING",
                "OURS",
                "-j",
                "-d",
                "-s",
                "!",
                "--comment",
                "--probability",
                "nan",
                "1e999",
                '"',
                '"a b"',
                "\\",
                "/",
            ]
        )
        | st.text()
    ),
    st.sampled_from(Family),
)
def test_no_text_whatever_makes_the_reader_fall(words: list[str], family: Family) -> None:
    line = " ".join(words)
    meaning(line, family)
    held([line, f"-A POSTROUTING {line}", f"-A OURS {line}"], "OURS")


RULE = '-d 10.0.0.0/8 -m comment --comment "c d" -j RETURN'


@pytest.mark.parametrize(
    "other",
    [
        "",
        RULE.replace("RETURN", "ACCEPT"),
        RULE.replace("/8", "/9"),
        RULE.replace("-d", "! -d"),
        RULE.replace("-d", "-s"),
        RULE.replace("c d", "c  d"),
        RULE.replace("-j", "-g"),
        f"-p tcp {RULE}",
        f"{RULE} --unknown",
        f"-i eth0 {RULE}",
        RULE.replace(
            "10.0.0.0/8", "10.0.0.0/255.0.0.0"
        ),  # not as any iptables prints it: written anew
    ],
)
def test_another_rule(other: str) -> None:
    assert meaning(RULE, IPV4) != meaning(other, IPV4)


def test_a_comment_that_looks_like_a_jump_is_none() -> None:
    lines = [
        "-A POSTROUTING -m comment --comment -j -m comment --comment OURS -j MASQUERADE",
        '-A POSTROUTING -m comment --comment "-j OURS" -j MASQUERADE',
        "-A POSTROUTING -j OURS-TOO",
        "-A OUTPUT -j OURS",
        "-A OURS-TOO -j RETURN",
        ":OURS-TOO - [0:0]",
        "-N OURS-TOO",
        "",
        '-A POSTROUTING -m comment --comment "not ended',
    ]
    assert held(lines, "OURS") == Held()


def test_what_is_ours_is_found_in_both_programs_output() -> None:
    rules = ["-A OURS -j RETURN", "-A OURS"]
    jumps = ["-A POSTROUTING -s 1.2.3.4/32 -j OURS", "-A POSTROUTING -g OURS"]
    wanted = Held(exists=True, rules=("-j RETURN", ""), jumps=("-s 1.2.3.4/32 -j OURS", "-g OURS"))
    assert held([":OURS - [0:0]", *jumps, *rules], "OURS") == wanted
    assert held([*jumps, "-N OURS", *rules], "OURS") == wanted


POLICY = make_policy("10.0.0.0/8")
WANTED = Wanted.of(chain_of(POLICY, Masquerade(), IPV4), IPV4)
WHOLE = Held(exists=True, rules=WANTED.chain.rules, jumps=(WANTED.chain.jump,))
JUMP = WANTED.chain.jump
CHAIN_TEXT = f":{CHAIN} - [0:0]\n" + "".join(f"-A {CHAIN} {rule}\n" for rule in WANTED.chain.rules)


def test_nothing_is_restored_where_all_is_as_wanted() -> None:
    assert difference(WHOLE, WANTED) is None


@pytest.mark.parametrize(
    ("found", "cause", "body"),
    [
        (Held(), ChainCause.NO_CHAIN, f"{CHAIN_TEXT}-A POSTROUTING {JUMP}\n"),
        (Held(exists=True, jumps=(JUMP,)), ChainCause.RULES, CHAIN_TEXT),
        (Held(exists=True, is_whole=False, rules=WHOLE.rules, jumps=(JUMP,)), ChainCause.RULES, CHAIN_TEXT),
        (Held(exists=True, rules=WHOLE.rules), ChainCause.NO_JUMP, f"-A POSTROUTING {JUMP}\n"),
        (
            Held(exists=True, rules=WHOLE.rules, jumps=(JUMP, JUMP, JUMP)),
            ChainCause.OTHER_JUMPS,
            f"-D POSTROUTING {JUMP}\n" * 2,
        ),
        (
            Held(exists=True, rules=WHOLE.rules, jumps=("-j IP-MASQ-AGENT", JUMP)),
            ChainCause.OTHER_JUMPS,
            "-D POSTROUTING -j IP-MASQ-AGENT\n",
        ),
        (
            Held(exists=True, rules=WHOLE.rules, jumps=("-j IP-MASQ-AGENT",)),
            ChainCause.OTHER_JUMPS,
            f"-D POSTROUTING -j IP-MASQ-AGENT\n-A POSTROUTING {JUMP}\n",
        ),
    ],
)  # fmt: skip
def test_only_what_is_wrong_is_restored(found: Held, cause: ChainCause, body: str) -> None:
    restore = difference(found, WANTED)
    assert restore is not None
    assert (restore.cause, restore.text) == (cause, f"*nat\n{body}COMMIT\n")


def test_removal() -> None:
    assert removal(Held(), CHAIN) is None
    text = removal(Held(exists=True, jumps=(JUMP, "-j IP-MASQ-AGENT")), CHAIN)
    assert text == (
        f"*nat\n:{CHAIN} - [0:0]\n-D POSTROUTING {JUMP}\n-D POSTROUTING -j {CHAIN}\n-X {CHAIN}\nCOMMIT\n"
    )
