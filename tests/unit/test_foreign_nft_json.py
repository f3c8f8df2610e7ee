"""nft's JSON: what is understood, and that all else may match."""

import json
from typing import Any

import pytest

from wayhome.netfilter.nft_json import objects, parse
from wayhome.netfilter.rules import (
    Condition,
    Destinations,
    Effect,
    FamilyIs,
    Mark,
    Never,
    Rule,
    Sources,
    ToItself,
    Unknown,
)
from wayhome.prefixes import Family, Intervals, Prefix

DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
MASQUERADE = {"masquerade": None}
KUBE_MARK = {"&": [{"meta": {"key": "mark"}}, 16384]}
PROTOCOL = {"meta": {"key": "l4proto"}}


def rules_of(*expr: Any, sets: dict[str, list[Any]] | None = None) -> tuple[Rule, ...]:
    entries: list[dict[str, Any]] = [{"metainfo": {}}, {"chain": {"name": "c"}}]
    entries += [{"set": {"name": name, "elem": elem}} for name, elem in (sets or {}).items()]
    entries.append({"rule": {"chain": "c", "handle": 7, "expr": list(expr)}})
    return parse(json.dumps({"nftables": entries}))["c"]


def conditions(left: Any, right: Any, op: str = "==", **sets: list[Any]) -> tuple[Condition, ...]:
    (rule,) = rules_of({"match": {"op": op, "left": left, "right": right}}, MASQUERADE, sets=sets)
    assert rule.effect is Effect.TRANSLATE
    return rule.conditions


def destinations(right: Any, op: str = "==", **sets: list[Any]) -> Intervals:
    (condition,) = conditions(DADDR, right, op, **sets)
    assert isinstance(condition, Destinations)
    return condition.addresses


def of(*cidrs: str) -> Intervals:
    return Intervals.of((p.first, p.last) for p in map(Prefix.parse, cidrs))


def prefix(address: str, length: int) -> dict[str, Any]:
    return {"prefix": {"addr": address, "len": length}}


def test_destinations_in_every_form() -> None:
    ten = prefix("10.0.0.0", 8)
    assert destinations("1.2.3.4") == of("1.2.3.4/32")
    assert destinations(ten) == of("10.0.0.0/8")
    assert destinations(ten, "!=") == of("0.0.0.0/0").minus(of("10.0.0.0/8"))
    assert destinations({"range": ["10.0.0.0", "10.0.0.3"]}) == of("10.0.0.0/30")
    assert destinations({"set": [ten, "1.2.3.4"]}) == of("10.0.0.0/8", "1.2.3.4/32")
    named: list[Any] = [ten, {"elem": {"val": "1.2.3.4", "counter": {}}}]
    assert destinations("@keep", keep=named) == of("10.0.0.0/8", "1.2.3.4/32")
    assert destinations("@keep", keep=[]) == Intervals()


@pytest.mark.parametrize("right", ["@nowhere", "fd00::1", prefix("fd00::", 8), {"strange": 1}, 7])
def test_what_is_not_understood_may_match(right: Any) -> None:
    (condition,) = conditions(DADDR, right)
    assert isinstance(condition, Unknown)


def test_sources() -> None:
    (condition,) = conditions(SADDR, prefix("10.4.0.0", 24))
    assert isinstance(condition, Sources)


def test_marks() -> None:
    assert conditions(KUBE_MARK, 0, "!=") == (
        Mark("meta mark & 16384 != 0", 16384, 0, negated=True),
    )
    assert conditions({"meta": {"key": "mark"}}, 1) == (Mark("meta mark 1", 0xFFFFFFFF, 1, negated=False),)  # fmt: skip


def test_families() -> None:
    assert conditions({"meta": {"key": "nfproto"}}, "ipv4") == (FamilyIs("meta nfproto ipv4", Family.IPV4),)  # fmt: skip
    assert conditions({"meta": {"key": "nfproto"}}, "ipv4", "!=") == (FamilyIs("meta nfproto != ipv4", Family.IPV6),)  # fmt: skip


def test_local_addresses_and_states() -> None:
    fib = {"fib": {"result": "type", "flags": ["daddr"]}}
    assert isinstance(conditions(fib, "local")[0], Never)
    assert conditions(fib, "local", "!=") == ()
    state = {"ct": {"key": "state"}}
    assert isinstance(conditions(state, ["established", "related"], "in")[0], Never)
    assert conditions(state, "new", "in") == ()
    assert isinstance(conditions(state, {"set": ["new", "related"]})[0], Unknown)
    assert isinstance(conditions({"ct": {"key": "status"}}, "dnat", "in")[0], Unknown)


def test_a_set_of_connections_to_themselves() -> None:
    key = {"concat": [SADDR, DADDR, PROTOCOL]}
    to_itself = [{"concat": ["10.4.0.2", "10.4.0.2", "tcp"]}]
    to_another = [*to_itself, {"concat": ["10.4.0.2", "10.4.0.3", "tcp"]}]
    assert isinstance(conditions(key, "@hairpin", hairpin=to_itself)[0], ToItself)
    assert isinstance(conditions(key, "@hairpin", hairpin=to_another)[0], Unknown)


def test_translations() -> None:
    assert rules_of({"snat": {"addr": "1.2.3.4"}})[0].effect is Effect.TRANSLATE
    assert rules_of({"snat": {"family": "ip", "addr": SADDR}})[0].effect is Effect.IDENTITY
    assert rules_of({"xt": {"type": "target", "name": "MASQUERADE"}})[0].effect is Effect.TRANSLATE
    assert rules_of({"xt": {"type": "target", "name": "MARK"}}) == ()


def test_what_an_old_nft_does_not_show_may_translate() -> None:
    (rule,) = rules_of({"xt": None}, {"counter": {"packets": 1, "bytes": 1}})
    assert rule.effect is Effect.TRANSLATE
    assert rule.conditions
    (rule,) = rules_of({"xt": None}, {"return": None})
    assert rule.effect is Effect.RETURN


def test_a_map_of_verdicts_is_a_rule_for_each() -> None:
    branches = [["1.1.1.1", {"drop": None}], [prefix("9.0.0.0", 8), {"goto": {"target": "x"}}]]
    rules = rules_of({"vmap": {"key": DADDR, "data": {"set": branches}}}, MASQUERADE)
    assert [rule.effect for rule in rules] == [Effect.END, Effect.GOTO, Effect.TRANSLATE]
    assert rules[1].target == "x"
    assert [len(rule.conditions) for rule in rules] == [1, 1, 0]


@pytest.mark.parametrize("text", ["", "[]", '{"nftables": 1}', "{}", '{"nftables": [1]}'])
def test_what_is_not_nfts_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        objects(text, "rule")


@pytest.mark.parametrize("expr", [[{"match": {}}], [{"jump": {}}], [{"vmap": {"key": DADDR}}], 7])
def test_a_rule_that_is_not_understood_is_refused(expr: Any) -> None:
    entries = [{"chain": {"name": "c"}}, {"rule": {"chain": "c", "handle": 7, "expr": expr}}]
    with pytest.raises(ValueError, match="rule 7"):
        parse(json.dumps({"nftables": entries}))


@pytest.mark.parametrize("kind", ["chain", "set", "map"])
@pytest.mark.parametrize("head", [{}, {"name": []}])
def test_what_has_no_name_is_refused(kind: str, head: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="without a name"):
        parse(json.dumps({"nftables": [{kind: head}]}))
