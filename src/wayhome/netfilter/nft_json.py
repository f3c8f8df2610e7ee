"""What `nft -j list table` prints, as data (libnftables-json(5)). Pure.

nft shows the rules of iptables-nft only in part: of a match that it cannot translate it gives the name, and older
versions not even that. Such a match is unknown, and such a target may translate.
"""

import json
from collections.abc import Iterator
from typing import Any

from wayhome.netfilter import nft_words
from wayhome.netfilter.nft_match import Contents, condition
from wayhome.netfilter.rules import Condition, Effect, Rule, Unknown

_ENDS = {"accept": Effect.END, "drop": Effect.END, "queue": Effect.END, "reject": Effect.END,
         "return": Effect.RETURN}  # fmt: skip
_HIDDEN = Unknown("what iptables says here, which this version of nft does not show")
_TRANSLATING_TARGETS = {"MASQUERADE", "SNAT", "NETMAP", "SAME"}


def objects(text: str, kind: str) -> list[dict[str, Any]]:
    """The objects of one kind in a document: `chain`, `rule`, `set`, `map`. Raises ValueError."""
    return _of_kind(_entries(text), kind)


def _entries(text: str) -> Any:
    try:
        return json.loads(text)["nftables"]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not nft's JSON: {error!r}") from None


def _of_kind(entries: Any, kind: str) -> list[dict[str, Any]]:
    try:
        found = [entry[kind] for entry in entries if kind in entry]
    except TypeError as error:
        raise ValueError(f"not nft's JSON: {error!r}") from None
    if not all(isinstance(one, dict) for one in found):
        raise ValueError(f"not nft's JSON: a {kind} that is no object")
    return found


def parse(text: str, table: tuple[str, str] | None = None) -> dict[str, tuple[Rule, ...]]:
    """The rules of a table by chain: of one with this family and name, where the text holds several.

    Raises ValueError where the text is not what nft prints.
    """
    entries = _entries(text)

    def all_of(kind: str) -> list[dict[str, Any]]:
        return [
            one
            for one in _of_kind(entries, kind)
            if table is None or (one.get("family"), one.get("table")) == table
        ]

    try:
        chains: dict[str, list[Rule]] = {chain["name"]: [] for chain in all_of("chain")}
        contents: Contents = {
            entry["name"]: entry.get("elem") or []
            for kind in ("set", "map")
            for entry in all_of(kind)
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"not nft's JSON: a chain, set or map without a name: {error!r}") from None
    for rule in all_of("rule"):
        try:
            chains[rule["chain"]] += _rules(rule, contents)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise ValueError(f"rule {rule.get('handle')} is not understood: {error!r}") from None
    return {name: tuple(rules) for name, rules in chains.items()}


def _rules(rule: dict[str, Any], contents: Contents) -> Iterator[Rule]:
    """One rule, or one for each verdict of its map."""
    conditions: list[Condition] = []
    text = nft_words.rule(rule)

    def made(effect: Effect, target: str | None = None, *more: Condition) -> Rule:
        return Rule(
            rule["chain"], rule["handle"], text, (*conditions, *more), effect, target,
            rule.get("comment", ""),
        )  # fmt: skip

    for statement in rule["expr"]:
        (name, value), *_ = statement.items()
        if name == "match":
            conditions += condition(value, contents)
        elif name == "vmap":
            for match, verdict in _branches(value, contents):
                yield made(*_verdict(verdict), *match)
        elif (effect := _verdict(statement))[0] is not Effect.NEXT:
            yield made(*effect)
            return
        else:
            conditions += _restriction(statement)
    if _HIDDEN in conditions:
        yield made(Effect.TRANSLATE)


def _verdict(statement: Any) -> tuple[Effect, str | None]:
    (name, value), *_ = statement.items()
    if name == "jump":
        return Effect.JUMP, value["target"]
    if name == "goto":
        return Effect.GOTO, value["target"]
    if name == "masquerade":
        return Effect.TRANSLATE, None
    if name == "snat":
        return (Effect.IDENTITY if _is_source(value.get("addr")) else Effect.TRANSLATE), None
    if name == "xt" and _xt_translates(value):
        return Effect.TRANSLATE, None
    return _ENDS.get(name, Effect.NEXT), None


def _is_source(address: Any) -> bool:
    return address in [
        {"payload": {"protocol": protocol, "field": "saddr"}} for protocol in ("ip", "ip6")
    ]


def _branches(vmap: Any, contents: Contents) -> Iterator[tuple[list[Condition], Any]]:
    """The verdicts of a map that is written out, or has a name, each with what leads to it."""
    data = vmap["data"]
    entries = contents.get(data[1:], []) if isinstance(data, str) else data["set"]
    for key, verdict in entries:
        value = key["elem"]["val"] if isinstance(key, dict) and "elem" in key else key
        yield condition({"op": "==", "left": vmap["key"], "right": value}, contents), verdict


def _xt_translates(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") == "target"
        and value.get("name") in _TRANSLATING_TARGETS
    )


def _restriction(statement: Any) -> list[Condition]:
    """On what a statement lets a packet go on; counter, log, mangle and the like let every one."""
    (name, value), *_ = statement.items()
    if name in ("limit", "quota", "ct count"):
        return [Unknown(nft_words.words(statement))]
    if name != "xt":
        return []
    if value is None:
        return [_HIDDEN]
    if value.get("type") != "match" or value.get("name") == "comment":
        return []
    return [Unknown(f"xt match {value.get('name')}")]
