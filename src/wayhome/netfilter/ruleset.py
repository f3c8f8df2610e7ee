"""All nat chains of a node at the postrouting hook, from what its programs printed about everything. Pure.

Tables of iptables-nft are taken from iptables-nft-save where it is there, because nft shows their matches only in part.
Chains of equal priority are called newest first, and nft lists tables oldest first; of iptables-legacy nothing tells
its age.
"""

from collections.abc import Mapping
from typing import Any

from wayhome.netfilter import iptables_save, nft_json
from wayhome.netfilter.rules import BaseChain, Rule, Variant
from wayhome.prefixes import Family

SRCNAT = 100
"""NF_IP_PRI_NAT_SRC, the priority of iptables' own chain."""
_WORDS = {Family.IPV4: "ip", Family.IPV6: "ip6"}


def base_chains(
    nft: str | None, saved: Mapping[tuple[Variant, Family], str]
) -> tuple[BaseChain, ...]:
    """The chains in the order in which connections meet them. Raises ValueError for what no such program prints."""
    found = [
        BaseChain(variant, _WORDS[family], "nat", "POSTROUTING", SRCNAT, chains)
        for (variant, family), text in saved.items()
        if (chains := iptables_save.parse(text, family)) and "POSTROUTING" in chains
    ]
    if nft is not None:
        found += _native(
            nft, {base.family for base in found if base.variant is not Variant.IPTABLES_LEGACY}
        )
    return tuple(sorted(found, key=lambda base: base.priority))


def _native(nft: str, saved: set[str]) -> list[BaseChain]:
    tables: dict[tuple[str, str], Mapping[str, tuple[Rule, ...]]] = {}
    found: list[BaseChain] = []
    for head in nft_json.objects(nft, "chain"):
        if not all(isinstance(head.get(key), str) for key in ("family", "table", "name")):
            raise ValueError("a chain without family, table or name")
        if _is_postrouting_nat(head) and not (_is_iptables(head) and head["family"] in saved):
            place = head["family"], head["table"]
            if place not in tables:
                tables[place] = nft_json.parse(nft, place)
            found.insert(
                0, BaseChain(Variant.NATIVE, *place, head["name"], _priority(head), tables[place])
            )
    return found


def _is_postrouting_nat(head: dict[str, Any]) -> bool:
    return (head.get("type"), head.get("hook")) == ("nat", "postrouting") and head.get(
        "family"
    ) in ("ip", "ip6", "inet")


def _is_iptables(head: dict[str, Any]) -> bool:
    return (head["table"], head["name"]) == ("nat", "POSTROUTING")


def _priority(head: dict[str, Any]) -> int:
    try:
        return int(head.get("prio", SRCNAT))
    except (TypeError, ValueError):
        raise ValueError(f"the chain {head.get('name')} has no number as its priority") from None
