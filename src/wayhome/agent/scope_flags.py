"""The flags of the native mode's scope: whose packets the rules are about, and who says which Pods are here.

--pod-cidrs=…                 those
--scope=node                  whatever leaves the node, as upstream
--scope=pods, --configmap     the ranges that this node's Node says, on a back end that can hold them
--configmap alone             the same where the Node's ranges are right and the back end can; upstream's scope otherwise
none of them                  whatever leaves the node
"""

import argparse
import enum
from collections.abc import Callable

from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.flag_values import parse_prefixes


class NodesRanges(enum.Enum):
    """Whether the scope is that of the Pod ranges that this node's Node object has."""

    NO = "no"
    IF_RIGHT = "if right"
    """Nobody has asked for anything else."""
    ASKED = "asked"


def add_scope_flags(flag: Callable[..., None]) -> None:
    """`flag` adds one, as argparse's add_argument does."""
    flag(
        "scope",
        choices=("pods", "node"),
        metavar="pods|node",
        help="pods: what this node's Pods send (the default with --pod-cidrs, and with --configmap where the Node's "
        "spec.podCIDRs are right); node: whatever leaves the node, as upstream",
    )
    flag(
        "pod-cidrs",
        type=parse_prefixes,
        default=None,
        metavar="CIDRS",
        help="this node's Pod ranges, separated by commas: only what they send is masqueraded",
    )


def check_scope(
    parser: argparse.ArgumentParser,
    found: argparse.Namespace,
    api: ApiOptions | None,
) -> NodesRanges:
    """What the flags say, of a command line that has them. Ends the program where they contradict each other."""
    scope = found.scope or ("pods" if found.pod_cidrs else None)
    node_is_known = api is not None and bool(api.node)
    if scope == "pods" and not found.pod_cidrs and not node_is_known:
        parser.error(
            "--scope=pods takes this node's Pod ranges; write --pod-cidrs=CIDR,…"
            + (", or --node=NAME for those that its Node says" if api else "")
        )
    if scope == "node" and found.pod_cidrs:
        parser.error(
            "--pod-cidrs limits the scope, and --scope=node says that it is not; leave one of them out"
        )
    by_iptables = found.backend.startswith("iptables")
    if scope == "pods" and by_iptables and not found.observe:
        parser.error(
            f"--backend={found.backend} holds upstream's chain, which cannot tell Pods from others; leave it out, or "
            f"--{'pod-cidrs' if found.pod_cidrs else 'scope'}"
        )
    if scope == "node" or found.pod_cidrs or not node_is_known:
        return NodesRanges.NO
    if scope == "pods":
        return NodesRanges.ASKED
    return NodesRanges.NO if by_iptables else NodesRanges.IF_RIGHT
