"""What a node itself holds, as text: it is parsed by whoever needs it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.clouds.located import Located


class NodeOutput(enum.StrEnum):
    """The command whose output a file is."""

    NFT = "nft -j list ruleset"
    IPTABLES_NFT = "iptables-nft-save"
    IPTABLES_LEGACY = "iptables-legacy-save"
    IP6TABLES_NFT = "ip6tables-nft-save"
    IP6TABLES_LEGACY = "ip6tables-legacy-save"
    RULES = "ip -j rule"
    ROUTES = "ip -j route show table all"
    CONNTRACK = "conntrack -L"
    CONNTRACK_COUNTERS = "conntrack -S"
    SYSCTL = "sysctl -a"


@dataclass(frozen=True, slots=True)
class NodeState:
    """The outputs of one node. `name` is its full name, `CLUSTER/k8s/nodes/N`; what was not collected is not there."""

    name: str
    outputs: Mapping[NodeOutput, Located[str]]
