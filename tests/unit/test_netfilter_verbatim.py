"""Chains as their programs take them again: what they lead to, word for word, and nothing else of their table."""

import json

from wayhome.netfilter import verbatim
from wayhome.netfilter.rules import BaseChain, Variant
from wayhome.netfilter.ruleset import base_chains
from wayhome.prefixes import Family

HERE = (Variant.IPTABLES_NFT, Family.IPV4)
SAVED = """\
*nat
:PREROUTING ACCEPT [3:180]
:POSTROUTING ACCEPT [7:420]
:DNAT-ONLY - [0:0]
:IP-MASQ - [0:0]
:DEEPER - [0:0]
-A PREROUTING -j DNAT-ONLY
-A POSTROUTING -m comment --comment "it's \\"ours\\"" -j IP-MASQ
-A DNAT-ONLY -d 10.0.0.1/32 -j DNAT --to-destination 10.0.0.2
-A IP-MASQ -d 10.0.0.0/8 -g DEEPER
-A DEEPER -j RETURN
-A IP-MASQ -j MASQUERADE --random-fully
COMMIT
"""


def only(bases: tuple[BaseChain, ...]) -> BaseChain:
    (base,) = bases
    return base


def test_iptables_gets_what_postrouting_leads_to() -> None:
    assert (
        verbatim.saved(only(base_chains(None, {HERE: SAVED})))
        == """\
*nat
:POSTROUTING ACCEPT [0:0]
:IP-MASQ - [0:0]
:DEEPER - [0:0]
-A POSTROUTING -m comment --comment "it's \\"ours\\"" -j IP-MASQ
-A IP-MASQ -d 10.0.0.0/8 -g DEEPER
-A IP-MASQ -j MASQUERADE --random-fully
-A DEEPER -j RETURN
COMMIT
"""
    )


NATIVE = {
    "nftables": [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": "ip", "name": "mine", "handle": 1}},
        {"table": {"family": "ip", "name": "theirs", "handle": 2}},
        {"map": {"family": "ip", "table": "mine", "name": "ways", "handle": 3, "type": "ifname",
                 "map": "verdict", "elem": [["eth0", {"jump": {"target": "outside"}}]]}},
        {"set": {"family": "ip", "table": "mine", "name": "idle", "handle": 4, "type": "ipv4_addr"}},
        {"chain": {"family": "ip", "table": "mine", "name": "out", "handle": 5, "type": "nat",
                   "hook": "postrouting", "prio": 100, "policy": "accept"}},
        {"chain": {"family": "ip", "table": "mine", "name": "outside", "handle": 6}},
        {"chain": {"family": "ip", "table": "mine", "name": "in", "handle": 7, "type": "nat",
                   "hook": "prerouting", "prio": -100, "policy": "accept"}},
        {"chain": {"family": "ip", "table": "theirs", "name": "out", "handle": 8}},
        {"rule": {"family": "ip", "table": "mine", "chain": "out", "handle": 9,
                  "expr": [{"vmap": {"key": {"meta": {"key": "oifname"}}, "data": "@ways"}}]}},
        {"rule": {"family": "ip", "table": "mine", "chain": "outside", "handle": 10,
                  "expr": [{"masquerade": None}]}},
        {"rule": {"family": "ip", "table": "mine", "chain": "in", "handle": 11,
                  "expr": [{"dnat": {"addr": "10.0.0.2"}}]}},
    ]
}  # fmt: skip


def test_nft_gets_the_chain_what_it_leads_to_and_the_maps_that_it_looks_into() -> None:
    commands = json.loads(verbatim.native(json.dumps(NATIVE), ("ip", "mine"), ["out"]))["nftables"]
    added = [
        (kind, one.get("name") or one.get("chain"))
        for command in commands
        for kind, one in command["add"].items()
    ]
    assert added == [
        ("table", "mine"), ("chain", "out"), ("chain", "outside"), ("map", "ways"),
        ("rule", "out"), ("rule", "outside"),
    ]  # fmt: skip
    assert "handle" not in json.dumps(commands)
