"""A nat chain at postrouting with all that it leads to, word for word, as the program that keeps it reads it. Pure.

The other chains of its table are left out: they translate destinations, or belong to nobody.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wayhome.netfilter import nft_json
from wayhome.netfilter.rules import BaseChain

Table = tuple[str, str]
"""A table of nftables: its family and its name."""


def saved(base: BaseChain) -> str:
    """A chain of iptables', for `iptables-restore`."""
    reached = _closure(
        [base.name], lambda name: [rule.target for rule in base.chains[name] if rule.target]
    )
    heads = [f":{name} {'ACCEPT' if name == base.name else '-'} [0:0]" for name in reached]
    rules = [rule.text for name in reached for rule in base.chains[name]]
    return "\n".join((f"*{base.table}", *heads, *rules, "COMMIT", ""))


def native(listed: str, table: Table, names: Iterable[str]) -> str:
    """Chains of a native table, for `nft -j -f -`; `listed` is what `nft -j list ruleset` printed of everything."""

    def of_table(kind: str) -> list[dict[str, Any]]:
        key = "name" if kind == "table" else "table"
        found = nft_json.objects(listed, kind)
        return [one for one in found if (one.get("family"), one.get(key)) == table]

    rules, elements = of_table("rule"), [(k, one) for k in ("set", "map") for one in of_table(k)]
    held = {str(one["name"]): one for _, one in elements}

    def leads_to(name: str) -> Iterator[str]:
        for rule in rules:
            if rule["chain"] == name:
                for what in _mentioned(rule["expr"]):
                    yield what
                    yield from _mentioned(held.get(what.removeprefix("@"), {}).get("elem"))

    reached = _closure(names, leads_to)
    kept = [
        *(("table", one) for one in of_table("table")),
        *((kind, one) for kind, one in elements if f"@{one['name']}" in reached),
        *(("chain", one) for one in of_table("chain") if one["name"] in reached),
        *(("rule", one) for one in rules if one["chain"] in reached),
    ]
    commands = [{"add": {kind: _without_handle(one)}} for kind, one in _chains_before_maps(kept)]
    return json.dumps({"nftables": commands})


def _mentioned(value: Any) -> Iterator[str]:
    """The chains that statements or elements jump to, and the sets and maps that they look into, as `@name`."""
    if isinstance(value, str) and value.startswith("@"):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _mentioned(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("jump", "goto") and isinstance(one, dict):
                yield str(one.get("target"))
            yield from _mentioned(one)


def _chains_before_maps(
    kept: list[tuple[str, dict[str, Any]]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A map's elements jump to chains, which have to be there."""
    order = ("table", "chain", "set", "map", "rule")
    yield from sorted(kept, key=lambda one: order.index(one[0]))


def _without_handle(described: dict[str, Any]) -> dict[str, Any]:
    """A handle in what is added is the place of another rule."""
    return {key: value for key, value in described.items() if key != "handle"}


def _closure(names: Iterable[str], leads_to: Callable[[str], Iterable[str]]) -> list[str]:
    """The names with all that they lead to, each once, in the order in which they were met."""
    met, ahead = dict.fromkeys(names), list(names)
    while ahead:
        new = [name for name in dict.fromkeys(leads_to(ahead.pop())) if name not in met]
        met.update(dict.fromkeys(new))
        ahead += new
    return list(met)
