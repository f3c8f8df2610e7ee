"""The flags of API mode: which ConfigMaps are watched, as whom, and how the cluster is told.

`--configmap` switches the mode on, and the others are refused without it: a flag that cannot have an effect is
somebody's mistake. Names are checked as the API server checks them, because what it would refuse it would refuse for
ever, with an answer that names neither the flag nor what to write.

The Pod's own names come from the environment, where the DaemonSet's downward API puts them; without a node's name the
agent works, and cannot be named in a canary or seen in the cluster's status.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wayhome.agent.mode import FLAG

NAMESPACE = "kube-system"
KEY = "config"
STATUS_NAMESPACE = "wayhome-status"
NODES = 200
"""As many nodes as are told of in a second: without a number, everything is spread over one."""

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_DEPENDENT = ("configmap_key", "kubeconfig", "node", "status_namespace", "nodes")


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """What the command line and the environment say about the API."""

    configmaps: tuple[tuple[str, str], ...]
    """Namespace and name of each, in the order given; at least one."""
    key: str
    kubeconfig: Path | None
    """None: the Pod's service account."""
    node: str
    """This node's name; empty where nobody says it."""
    status_namespace: str
    """Where the node's Lease is kept; empty for none."""
    nodes: int
    """How many nodes writes are spread over, where the ConfigMap does not say it."""
    pod: str
    """This Pod's name; empty outside of one."""
    pod_namespace: str

    @property
    def source(self) -> str:
        """What is watched, for messages."""
        several = "s" if len(self.configmaps) > 1 else ""
        return f"ConfigMap{several} {', '.join('/'.join(one) for one in self.configmaps)}"


def add_api_flags(flag: Callable[..., None]) -> None:
    """`flag` adds one, as argparse's add_argument does."""
    flag(
        FLAG,
        type=parse_configmaps,
        default=None,
        metavar="[NAMESPACE/]NAME,…",
        help=f"watch these ConfigMaps through the API instead of reading a file; a name alone is one of {NAMESPACE}",
    )
    flag(
        "configmap-key",
        type=_parse_key,
        metavar="KEY",
        help=f"the key that holds the configuration ({KEY}); KEY.next holds a canary's",
    )
    flag(
        "kubeconfig",
        type=Path,
        metavar="FILE",
        help="how to reach the API outside of a Pod (the Pod's service account)",
    )
    flag(
        "node",
        type=_parse_node,
        metavar="NAME",
        help="this node's name in the cluster (the variable NODE_NAME)",
    )
    flag(
        "status-namespace",
        type=_parse_status_namespace,
        metavar="NAMESPACE",
        help=f"where this node's Lease says what the kernel holds ({STATUS_NAMESPACE}); an empty value for no Lease",
    )
    flag(
        "nodes",
        type=_parse_count,
        metavar="N",
        help=f"how many nodes the cluster has about, which spreads what agents write ({NODES}); `wayhome cluster apply` says it in the ConfigMap",
    )


def api_options(
    parser: argparse.ArgumentParser,
    found: argparse.Namespace,
    *,
    azure: bool,
    environment: Mapping[str, str],
) -> ApiOptions | None:
    """What the flags say; None for file mode. Ends the program where they contradict each other."""
    if found.configmap is None:
        given = [name for name in _DEPENDENT if getattr(found, name) is not None]
        if given:
            flag = given[0].replace("_", "-")
            parser.error(f"--{flag} is for the API; write --{FLAG}=NAME too, or leave it out")
        return None
    if found.config is not None:
        parser.error(
            f"--{FLAG} watches ConfigMaps and --config reads a file; leave one of them out"
        )
    if azure:
        parser.error(
            f"--dialect=azure reads a folder of files; several ConfigMaps are named in --{FLAG}, and their lists "
            "united in the same way: leave --dialect out"
        )
    node = found.node or environment.get("NODE_NAME", "")
    if not found.node and node and not _is_name(node):
        parser.error(f"NODE_NAME is {node!r}, which is no name of a node; set --node=NAME")
    status = STATUS_NAMESPACE if found.status_namespace is None else found.status_namespace
    return ApiOptions(
        configmaps=found.configmap,
        key=found.configmap_key or KEY,
        kubeconfig=found.kubeconfig,
        node=node,
        status_namespace=status,
        nodes=found.nodes or NODES,
        pod=environment.get("POD_NAME", ""),
        pod_namespace=environment.get("POD_NAMESPACE", ""),
    )


def parse_configmaps(text: str) -> tuple[tuple[str, str], ...]:
    """`[NAMESPACE/]NAME,…`. Raises ArgumentTypeError."""
    found = []
    for one in text.split(","):
        namespace, slash, name = one.strip().rpartition("/")
        namespace = namespace if slash else NAMESPACE
        if not (_is_namespace(namespace) and _is_name(name)):
            raise argparse.ArgumentTypeError(
                f"{one.strip()!r} is no ConfigMap; write NAMESPACE/NAME, such as {NAMESPACE}/ip-masq-agent"
            )
        found.append((namespace, name))
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} names a ConfigMap twice; write it once")
    return tuple(found)


def _parse_key(text: str) -> str:
    if not _KEY.fullmatch(text) or len(text) > 253 - len(".next"):
        raise argparse.ArgumentTypeError(f"{text!r} is no key of a ConfigMap; write {KEY}")
    return text


def _parse_node(text: str) -> str:
    if not _is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a node; see `kubectl get nodes`")
    return text


def _parse_status_namespace(text: str) -> str:
    if text and not _is_namespace(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no namespace; write {STATUS_NAMESPACE}")
    return text


def _parse_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of nodes; write {NODES}")
    return int(text)


def _is_name(text: str) -> bool:
    from wayhome.kube.names import is_name  # noqa: PLC0415  # file mode imports nothing of the API's

    return is_name(text)


def _is_namespace(text: str) -> bool:
    from wayhome.kube.names import is_namespace  # noqa: PLC0415  # likewise

    return is_namespace(text)
