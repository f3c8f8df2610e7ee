"""A rule of nft's JSON in nft's own words, as far as a reader needs them. Pure.

It need not be loadable: the handle beside it says which rule it is.
"""

import json
from typing import Any

_KEYS = {"meta": "meta {key}", "ct": "ct {key}", "payload": "{protocol} {field}"}
_SHOWN = 4
"""Elements of a set that are written out."""


def rule(described: dict[str, Any]) -> str:
    """All statements of a rule, and its comment."""
    said = [words(statement) for statement in described["expr"]]
    if comment := described.get("comment"):
        said.append(f'comment "{comment}"')
    return " ".join(filter(None, said))


def words(expression: Any) -> str:  # noqa: C901 (a table of spellings)
    """One statement or expression."""
    if not isinstance(expression, dict):
        return str(expression)
    (name, value), *_ = expression.items()
    if name in _KEYS and isinstance(value, dict):
        try:
            return _KEYS[name].format(**value)
        except KeyError:
            return _compact(expression)
    match name, value:
        case "match", {"op": op, "left": left, "right": right}:
            sign = "" if op in ("==", "in") else f"{op} "
            return f"{words(left)} {sign}{words(right)}"
        case "prefix", {"addr": address, "len": length}:
            return f"{address}/{length}"
        case "range", [first, last]:
            return f"{words(first)}-{words(last)}"
        case "set", list():
            more = ", …" if len(value) > _SHOWN else ""
            return f"{{ {', '.join(map(_element, value[:_SHOWN]))}{more} }}"
        case "concat", list():
            return " . ".join(map(words, value))
        case (("&" | "|" | "^"), [left, right]):
            return f"{words(left)} {name} {words(right)}"
        case "fib", {"result": result, "flags": flags}:
            return f"fib {' . '.join([flags] if isinstance(flags, str) else flags)} {result}"
        case (("jump" | "goto"), {"target": target}):
            return f"{name} {target}"
        case "elem", {"val": element}:
            return words(element)
        case "vmap", {"key": key, "data": data}:
            return f"{words(key)} vmap {words(data)}"
        case "mangle", {"key": key, "value": set_to}:
            return f"{words(key)} set {words(set_to)}"
        case "snat", {"addr": address}:
            return f"snat to {words(address)}"
        case "masquerade", _:
            return f"masquerade{_flags(value)}"
        case "counter", _:
            return ""
        case "xt", {"name": xt_name}:
            return f"xt {xt_name}"
        case _, None:
            return str(name)
    return _compact(expression)


def _element(element: Any) -> str:
    if isinstance(element, list):  # of a map: a key and a verdict
        return " : ".join(map(words, element))
    return words(element)


def _flags(masquerade: Any) -> str:
    if not isinstance(masquerade, dict):
        return ""
    flags = masquerade.get("flags", [])
    port = f" to :{words(masquerade['port'])}" if "port" in masquerade else ""
    return port + "".join(f" {f}" for f in ([flags] if isinstance(flags, str) else flags))


def _compact(expression: Any) -> str:
    return json.dumps(expression, separators=(",", ":"))
