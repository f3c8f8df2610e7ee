"""iptables-save's text: quotes, negations, comments that try to be something else."""

import pytest

from wayhome.netfilter.iptables_save import parse, words
from wayhome.netfilter.rules import (
    Destinations,
    Effect,
    Mark,
    Never,
    Rule,
    Sources,
    Unknown,
)
from wayhome.prefixes import Family, Intervals, Prefix


def rules_of(
    *lines: str, chain: str = "POSTROUTING", family: Family = Family.IPV4
) -> tuple[Rule, ...]:
    chains = parse(
        "\n".join(["*nat", ":POSTROUTING ACCEPT [0:0]", ":OTHER - [0:0]", *lines, "COMMIT"]), family
    )
    assert chains is not None
    return chains[chain]


def rule_of(options: str) -> Rule:
    (rule,) = rules_of(f"-A POSTROUTING {options}")
    return rule


def of(*cidrs: str) -> Intervals:
    return Intervals.of((p.first, p.last) for p in map(Prefix.parse, cidrs))


def test_a_comment_with_quotes_of_its_own() -> None:
    rule = rule_of(
        r'-m comment --comment "\"it\'s \\ here\"" -m addrtype ! --dst-type LOCAL -j OTHER'
    )
    assert rule.comment == '"it\'s \\ here"'
    assert (rule.effect, rule.target, rule.conditions) == (Effect.JUMP, "OTHER", ())


def test_a_comment_that_looks_like_options() -> None:
    assert rule_of('-m comment --comment "-j RETURN" -j MASQUERADE').effect is Effect.TRANSLATE
    assert rule_of("-m comment --comment -j -j MASQUERADE").effect is Effect.TRANSLATE
    assert rule_of('-m comment --comment "! -d 10.0.0.0/8" -j MASQUERADE').conditions == ()


def test_a_comment_with_a_line_break_is_one_rule() -> None:
    saved = (
        '-A POSTROUTING -m comment --comment "x\n-A POSTROUTING -j MASQUERADE\nCOMMIT" -j RETURN'
    )
    rules = rules_of(saved, "-A POSTROUTING -j ACCEPT")
    assert [rule.effect for rule in rules] == [Effect.RETURN, Effect.END]


def test_line_separators_of_unicode_end_no_line() -> None:
    (rule,) = rules_of('-A POSTROUTING -m comment --comment "a\u2028b\x0bc" -j MASQUERADE')
    assert rule.comment == "a\u2028b\x0bc"


def test_words_keep_what_is_quoted_together() -> None:
    assert words(r'-A X --comment "a \"b\" c" d') == [
        ("-A", False), ("X", False), ("--comment", False), ('a "b" c', True), ("d", False),
    ]  # fmt: skip


def test_addresses() -> None:
    rule = rule_of("-s 10.4.0.0/24 ! -d 10.0.0.0/8 -j MASQUERADE")
    source, destination = rule.conditions
    assert isinstance(source, Sources)
    assert source.addresses == of("10.4.0.0/24")
    assert isinstance(destination, Destinations)
    assert destination.addresses == of("0.0.0.0/0").minus(of("10.0.0.0/8"))
    assert destination.text == "! -d 10.0.0.0/8"


def test_addresses_of_ipv6() -> None:
    (rule,) = rules_of("-A POSTROUTING -d fd00::/8 -j RETURN", family=Family.IPV6)
    (condition,) = rule.conditions
    assert isinstance(condition, Destinations)
    assert condition.addresses == of("fd00::/8")


def test_an_address_that_is_not_understood_may_match() -> None:
    (condition,) = rule_of("-d 10.0.0.1/255.0.0.255 -j MASQUERADE").conditions
    assert condition == Unknown("-d 10.0.0.1/255.0.0.255")


@pytest.mark.parametrize(
    "options, condition",
    [
        ("-m mark --mark 0x4000/0x4000", Mark("--mark 0x4000/0x4000", 0x4000, 0x4000, negated=False)),
        ("-m mark ! --mark 0x4000/0x4000", Mark("! --mark 0x4000/0x4000", 0x4000, 0x4000, negated=True)),
        ("-m mark --mark 0x1", Mark("--mark 0x1", 0xFFFFFFFF, 1, negated=False)),
        ("-m connmark --mark 0x80/0x80", Unknown("--mark 0x80/0x80")),
        ("-m addrtype --dst-type LOCAL", Never("--dst-type LOCAL")),
        ("-m addrtype --src-type LOCAL", Never("--src-type LOCAL")),
        ("-m addrtype ! --dst-type LOCAL", None),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", Never("--ctstate RELATED,ESTABLISHED")),
        ("-m conntrack --ctstate NEW", None),
        ("-m conntrack ! --ctstate NEW", Never("! --ctstate NEW")),
        ("-m conntrack --ctstate DNAT", Unknown("--ctstate DNAT")),
        ("-m conntrack ! --ctstate DNAT", Unknown("! --ctstate DNAT")),
        ("! -o docker0", Unknown("! -o docker0")),
        ("-p tcp", Unknown("-p tcp")),
        ("-m set --match-set pools src", Unknown("--match-set pools src")),
    ],
)  # fmt: skip
def test_conditions(options: str, condition: object) -> None:
    found = rule_of(f"{options} -j MASQUERADE").conditions
    assert found == ((condition,) if condition else ())


@pytest.mark.parametrize(
    "target, effect",
    [
        ("-j MASQUERADE --to-ports 1-2 --random-fully", Effect.TRANSLATE),
        ("-j SNAT --to-source 10.0.0.1", Effect.TRANSLATE),
        ("-j NETMAP --to 10.0.0.0/24", Effect.TRANSLATE),
        ("-j RETURN", Effect.RETURN),
        ("-j ACCEPT", Effect.END),
        ("-j OTHER", Effect.JUMP),
        ("-g OTHER", Effect.GOTO),
        ("-j MARK --set-xmark 0x4000/0x0", Effect.NEXT),
        ("", Effect.NEXT),
    ],
)
def test_effects(target: str, effect: Effect) -> None:
    rule = rule_of(target)
    assert rule.effect is effect
    assert rule.conditions == ()  # what follows the target is the target's


def test_only_the_nat_table_counts() -> None:
    saved = (
        "*filter\n:POSTROUTING - [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"
        "*nat\n:POSTROUTING - [0:0]\n-A POSTROUTING -j RETURN\nCOMMIT\n"
    )
    chains = parse(saved, Family.IPV4)
    assert chains is not None
    assert [rule.effect for rule in chains["POSTROUTING"]] == [Effect.RETURN]
    assert parse("# Table `nat' is incompatible, use 'nft' tool.\n", Family.IPV4) is None


def test_only_what_says_something_about_sources_is_read() -> None:
    lines = [
        "*nat",
        *(f":{name} - [0:0]" for name in ("POSTROUTING", "A", "B", "IP-MASQ", "CALLS", "KUBE-SVC")),
    ]
    lines += [
        "-A POSTROUTING -j A",
        "-A A -j B",
        "-A CALLS -j IP-MASQ",
        "-A KUBE-SVC -j KUBE-SVC",
        "COMMIT",
    ]
    chains = parse("\n".join(lines), Family.IPV4)
    assert chains is not None
    assert set(chains) == {"POSTROUTING", "A", "B", "IP-MASQ", "CALLS"}
    assert chains["CALLS"][0].target == "IP-MASQ"
