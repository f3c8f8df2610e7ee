"""What a policy becomes: the very text that nft is given, and the digest that names it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.policies import make_policy

from wayhome.kernel import ElementChanges, Masquerade, Preserve, ruleset_of
from wayhome.kernel.fake_nftables import COMMENT_MAX, FakeNftables
from wayhome.kernel.text import format_interval, render, script
from wayhome.kernel.transactions import changing
from wayhome.prefixes import Family, Prefix, parse_address

EVERYTHING = {
    "policy": make_policy(
        "10.0.0.0/8",
        "169.254.0.0/16",
        "fd00::/8",
        masquerade=["10.2.0.0/16"],
        ipv6=True,
        pods=["10.4.0.0/25", "10.4.0.128/25", "fd04::/64"],
    ),
    "masquerade": Masquerade(to_ports=((1024, 29999), (32768, 65535))),
}


def test_upstreams_scope() -> None:
    """The whole text, as `wayhome policy render --backend nftables` prints it."""
    last = ruleset_of(make_policy(masquerade=["1.0.0.0/8"])).skeleton.translation.comments[-1]
    assert last.startswith("every other destination sees this node's address; rules ")
    assert (
        render(ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])))
        == f"""\
add table inet wayhome
delete table inet wayhome
add table inet wayhome {{ comment "written by wayhome"; }}
add counter inet wayhome masqueraded {{ packets 0 bytes 0 }}
add set inet wayhome keep4 {{ type ipv4_addr; flags interval; counter; }}
add set inet wayhome masquerade4 {{ type ipv4_addr; flags interval; counter; }}
add element inet wayhome keep4 {{ 10.0.0.0/15, 10.3.0.0-10.255.255.255 }}
add element inet wayhome masquerade4 {{ 10.2.0.0/16 }}
add chain inet wayhome postrouting {{ type nat hook postrouting priority srcnat + 10; policy accept; }}
add rule inet wayhome postrouting meta mark & 0x00004000 == 0x00004000 return comment "marked by kube-proxy, which masquerades it and takes the mark off"
add rule inet wayhome postrouting meta nfproto != ipv4 return comment "IPv6 is left alone"
add rule inet wayhome postrouting meta iif 0 fib daddr type local return comment "to an address of this node"
add rule inet wayhome postrouting ip daddr @keep4 return comment "IPv4 destinations that see the Pod's own address"
add rule inet wayhome postrouting ip daddr @masquerade4 continue comment "IPv4 destinations that a line wants to see this node's address"
add rule inet wayhome postrouting counter name "masqueraded" comment "everything that is masqueraded"
add rule inet wayhome postrouting masquerade fully-random comment "{last}"
"""
    )


def statements(**options: object) -> list[str]:
    return [rule.text for rule in ruleset_of(**options).skeleton.translation.rules]  # type: ignore[arg-type]


def test_the_scope_of_pods_with_both_families_and_ports() -> None:
    assert statements(**EVERYTHING) == [
        "meta mark & 0x00004000 == 0x00004000 return",
        "ip saddr != @pods4 return",
        "ip6 saddr != @pods6 return",
        "meta iif 0 fib saddr type local return",
        "ip daddr @keep4 return",
        "ip6 daddr @keep6 return",
        "tcp flags & (fin | syn | rst | ack) != syn tcp sport < 32768 return",
        "tcp flags & (fin | syn | rst | ack) != syn tcp dport >= 32768 return",
        "ip daddr @masquerade4 continue",
        'counter name "masqueraded"',
        "meta l4proto tcp numgen random mod 61744 < 28976 masquerade to :1024-29999 fully-random",
        "meta l4proto tcp masquerade to :32768-65535 fully-random",
        "meta l4proto udp numgen random mod 61744 < 28976 masquerade to :1024-29999 fully-random",
        "meta l4proto udp masquerade to :32768-65535 fully-random",
        "meta l4proto sctp numgen random mod 61744 < 28976 masquerade to :1024-29999 fully-random",
        "meta l4proto sctp masquerade to :32768-65535 fully-random",
        "masquerade fully-random",
    ]
    elements = ruleset_of(**EVERYTHING).elements  # type: ignore[arg-type]
    assert len(elements["pods4"]) == 1  # a set takes each address once
    assert len(elements["keep6"]) == len(elements["pods6"]) == 1


def test_kept_addresses_are_asserted_before_others_translate_them() -> None:
    options = Masquerade(preserve=Preserve.ASSERT)
    pods = ruleset_of(make_policy(pods=["10.4.0.0/24"]), options).skeleton
    assert pods.translation.chain.priority == 90
    statements = [rule.text for rule in pods.translation.rules]
    at = statements.index("ip daddr @pods4 ip daddr @keep4 return")
    assert statements[at + 1] == "ip daddr @keep4 snat ip to ip saddr"
    upstreams = [
        rule.text for rule in ruleset_of(make_policy(ipv6=True), options).skeleton.translation.rules
    ]
    assert upstreams == [
        "meta mark & 0x00004000 == 0x00004000 return",
        "meta iif 0 fib daddr type local return",
        "ct status dnat ip daddr @keep4 return",
        "ip daddr @keep4 snat ip to ip saddr",
        "ct status dnat ip6 daddr @keep6 return",
        "ip6 daddr @keep6 snat ip6 to ip6 saddr",
        'counter name "masqueraded"',
        "masquerade fully-random",
    ]


@pytest.mark.parametrize("preserve", Preserve)
def test_every_rule_says_what_it_is_for_and_no_two_say_the_same(preserve: Preserve) -> None:
    ports = ((1024, 29999), (32768, 65535))
    options = Masquerade(to_ports=ports, preserve=preserve, accounting=True)
    skeleton = ruleset_of(EVERYTHING["policy"], options).skeleton  # type: ignore[arg-type]
    assert len(skeleton.chains) == 2
    for ruled in skeleton.chains:
        assert len(set(ruled.comments)) == len(ruled.comments)
        assert all(0 < len(comment) <= COMMENT_MAX for comment in ruled.comments)


def test_packets_are_counted_in_a_chain_that_decides_nothing() -> None:
    accounting = ruleset_of(EVERYTHING["policy"], Masquerade(accounting=True)).skeleton.accounting  # type: ignore[arg-type]
    assert accounting is not None
    assert [rule.text for rule in accounting.rules] == [
        "ct direction reply return",
        "ct state invalid,untracked return",
        "ip saddr != @pods4 return",
        "ip6 saddr != @pods6 return",
        "meta iif 0 fib saddr type local return",
        "ip daddr @sent4 return",
        "ip6 daddr @sent6 return",
        'counter name "sent_elsewhere"',
    ]
    assert (accounting.chain.type, accounting.chain.policy) == ("filter", "accept")
    upstreams = ruleset_of(make_policy(), Masquerade(accounting=True)).skeleton.accounting
    assert upstreams is not None
    assert [rule.text for rule in upstreams.rules][2:] == [
        "meta nfproto != ipv4 return",
        "meta iif 0 fib daddr type local return",
        "ip daddr @sent4 return",
        'counter name "sent_elsewhere"',
    ]


def test_counting_packets_adds_to_the_table_and_changes_nothing_else() -> None:
    policy = EVERYTHING["policy"]
    plain, counting = (ruleset_of(policy, Masquerade(accounting=on)) for on in (False, True))  # type: ignore[arg-type]
    without_digest = [
        [line.partition("; rules ")[0] for line in render(ruleset).splitlines()]
        for ruleset in (plain, counting)
    ]
    added = [line for line in without_digest[1] if line not in without_digest[0]]
    assert [line for line in without_digest[1] if line not in added] == without_digest[0]
    ours = re.compile(r"inet wayhome (accounting|sent4|sent6|sent_elsewhere) ")
    assert all(ours.search(line) for line in added)
    assert not ours.search(render(plain))
    assert counting.elements["sent4"] == tuple(
        sorted(counting.elements["keep4"] + counting.elements["masquerade4"])
    )


def test_a_list_does_not_change_the_digest_and_everything_else_does() -> None:
    policy = make_policy("10.0.0.0/8")
    variants = [
        ruleset_of(policy),
        ruleset_of(make_policy("10.0.0.0/8", ipv6=True)),
        ruleset_of(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"])),
        ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])),
        *(
            ruleset_of(policy, options)
            for options in (
                Masquerade(random_fully=False),
                Masquerade(to_ports=((1, 2),)),
                Masquerade(kube_proxy_mark_bit=15),
                Masquerade(kube_proxy_mark_bit=None),
                Masquerade(preserve=Preserve.ASSERT),
                Masquerade(accounting=True),
            )
        ),
    ]
    assert len({variant.skeleton.translation.comments[-1] for variant in variants}) == len(variants)
    assert ruleset_of(make_policy("1.0.0.0/8")).skeleton == variants[0].skeleton


def test_the_text_of_a_difference() -> None:
    keep4, _ = ruleset_of(make_policy()).skeleton.sets
    changes = ElementChanges(removed={keep4: ((1, 1),)}, added={keep4: ((0, 2**32 - 1), (5, 7))})
    assert script(changing(changes)) == (
        "delete element inet wayhome keep4 { 0.0.0.1 }\n"
        "add element inet wayhome keep4 { 0.0.0.0/0, 0.0.0.5-0.0.0.7 }\n"
    )


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.1", "10.0.0.1-10.0.0.2", "::/0", "fd00::/8", "::1-::4"],
)
def test_intervals_are_written_as_people_write_them(text: str) -> None:
    if "/" in text:
        prefix = Prefix.parse(text)
        assert format_interval(prefix.family, (prefix.first, prefix.last)) == text
        return
    start, _, end = text.partition("-")
    family, first = parse_address(start)
    assert format_interval(family, (first, parse_address(end or start)[1])) == text


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_every_interval_is_read_as_it_was_written(one: int, other: int) -> None:
    nftables = FakeNftables()
    nftables.run("add table inet t\nadd set inet t s { type ipv4_addr; flags interval; }")
    interval = (min(one, other), max(one, other))
    nftables.run(f"add element inet t s {{ {format_interval(Family.IPV4, interval)} }}")
    assert nftables.tables["inet t"].sets["s"].intervals == [interval]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kube_proxy_mark_bit": 32}, "bits 0 to 31"),
        ({"to_ports": ((5, 4),)}, "FIRST-LAST"),
        ({"to_ports": ((0, 4),)}, "1 to 65535"),
    ],
)
def test_options_that_no_kernel_could_hold(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Masquerade(**options)  # type: ignore[arg-type]
