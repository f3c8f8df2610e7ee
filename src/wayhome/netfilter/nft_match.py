"""A match of nft's JSON as a condition. Pure."""

from collections.abc import Mapping
from typing import Any

from wayhome.netfilter import nft_words
from wayhome.netfilter.rules import (
    Condition,
    Destinations,
    FamilyIs,
    Mark,
    Never,
    Sources,
    ToItself,
    Unknown,
)
from wayhome.prefixes import Family, Intervals, Prefix, parse_address

Contents = Mapping[str, list[Any]]
"""The elements of a table's named sets and maps."""

_FAMILIES = {"ip": Family.IPV4, "ip6": Family.IPV6, "ipv4": Family.IPV4, "ipv6": Family.IPV6}
_WHOLE_MARK = 0xFFFFFFFF


def condition(match: dict[str, Any], contents: Contents) -> list[Condition]:
    """The condition that a match is; nothing where every packet in question fulfils it."""
    text, left, right = nft_words.words({"match": match}), match["left"], match["right"]
    if match["op"] not in ("==", "!=", "in"):
        return [Unknown(text)]
    negated = match["op"] == "!="
    if not isinstance(left, dict):
        return [Unknown(text)]
    (kind, value), *_ = left.items()
    if kind == "payload":
        return [_address(text, value, right, contents, negated=negated)]
    if kind in ("meta", "&"):
        return [_meta(text, left, right, negated=negated)]
    if kind == "fib":
        return _fib(text, value, right, negated=negated)
    if kind == "ct" and value.get("key") == "state":
        return _state(text, right, negated=negated)
    if kind == "concat" and not negated and _only_to_itself(value, right, contents):
        return [ToItself(text)]
    return [Unknown(text)]


def _address(
    text: str, payload: dict[str, Any], right: Any, contents: Contents, *, negated: bool
) -> Condition:
    family, field = _FAMILIES.get(payload.get("protocol", "")), payload.get("field")
    if family is None or field not in ("saddr", "daddr"):
        return Unknown(text)
    try:
        addresses = Intervals.of(_span(family, e) for e in _elements(right, contents))
    except (ValueError, TypeError, KeyError):
        return Unknown(text)
    if negated:
        addresses = Intervals(((0, family.last),)).minus(addresses)
    return (Destinations if field == "daddr" else Sources)(text, family, addresses)


def _elements(right: Any, contents: Contents) -> list[Any]:
    """What stands right of a match: a named set's elements, those of a set that is written out, or one."""
    if isinstance(right, str) and right.startswith("@"):
        return [_value(element) for element in contents[right[1:]]]
    if isinstance(right, dict) and "set" in right:
        written: list[Any] = right["set"]
        return [_value(element) for element in written]
    return right if isinstance(right, list) else [right]


def _value(element: Any) -> Any:
    """An element without its counter, comment and time-out."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _span(family: Family, element: Any) -> tuple[int, int]:
    if isinstance(element, dict) and "range" in element:
        first, last = (_span(family, end)[0] for end in element["range"])
        return first, last
    if isinstance(element, dict):
        prefix = Prefix.parse(f"{element['prefix']['addr']}/{element['prefix']['len']}")
        if prefix.family is not family:
            raise ValueError(prefix)
        return prefix.first, prefix.last
    found, address = parse_address(element)
    if found is not family:
        raise ValueError(element)
    return address, address


def _meta(text: str, left: dict[str, Any], right: Any, *, negated: bool) -> Condition:
    mask: Any = _WHOLE_MARK
    meta: Any = left.get("meta")
    if "&" in left:
        operands = left["&"]
        if not isinstance(operands, list) or not isinstance(operands[0], dict):
            return Unknown(text)
        meta, mask = operands[0].get("meta"), operands[1]
    key = meta.get("key") if isinstance(meta, dict) else None
    if key == "mark" and isinstance(mask, int) and isinstance(right, int):
        return Mark(text, mask, right, negated)
    if key in ("nfproto", "protocol") and isinstance(right, str) and right in _FAMILIES:
        family = _FAMILIES[right]
        other = Family.IPV6 if family is Family.IPV4 else Family.IPV4
        return FamilyIs(text, other if negated else family)
    return Unknown(text)


def _fib(text: str, fib: dict[str, Any], right: Any, *, negated: bool) -> list[Condition]:
    flags = fib.get("flags", [])
    flags = [flags] if isinstance(flags, str) else flags
    if fib.get("result") != "type" or right != "local" or not {"saddr", "daddr"} & set(flags):
        return [Unknown(text)]
    return [] if negated else [Never(text)]


def _state(text: str, right: Any, *, negated: bool) -> list[Condition]:
    states = right.get("set", []) if isinstance(right, dict) else right
    states = [states] if isinstance(states, str) else states
    if "new" in states and len(states) > 1:
        return [Unknown(text)]
    return [] if ("new" in states) != negated else [Never(text)]


def _only_to_itself(fields: list[Any], right: Any, contents: Contents) -> bool:
    """Whether a concatenation of source, destination and more holds only pairs of equal addresses (kube-proxy's hairpin set)."""
    names = [f.get("payload", {}).get("field") if isinstance(f, dict) else None for f in fields]
    if "saddr" not in names or "daddr" not in names:
        return False
    source, destination = names.index("saddr"), names.index("daddr")
    try:
        keys = [element["concat"] for element in _elements(right, contents)]
        return all(key[source] == key[destination] for key in keys)
    except (KeyError, TypeError, IndexError):
        return False
