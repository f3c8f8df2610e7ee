"""The case on Kubernetes: the agents watch an API server, and the account's own command is typed.

Nobody writes a file on a node here. The API server and `kubectl` run on control-plane; any program may be the server
that listens where it is told to, writes a kubeconfig that leads to it, and then prints its URL.

What every cluster has already is made before: its nodes, with their Pod ranges, and the namespace of the agents' Leases.

After the mistake that the account warns of, the nodes keep what they held and say so, to everybody who asks.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.clouds.values import IpAddress
from wayhome.lab.agents import NodeAgent, Places
from wayhome.lab.case import Case, Command, Phase, Service
from wayhome.lab.programs import Program
from wayhome.lab.the_case import CLUSTER, the_case
from wayhome.lab.the_case.files import CONFIGURATION
from wayhome.lab.the_case.phases import BEFORE, MASQUERADED, NODE_01, NODE_02, TEST, A
from wayhome.network import Evidence

CONTROL_PLANE, API_ADDRESS, API_PORT = "control-plane", "10.1.0.10", 6443
_INSTANCES = "projects/source-project/zones/asia-northeast1-a/instances"
KUBECONFIG = "kubeconfig"
MANIFESTS = "cluster.json"
CONFIGMAP_FLAG = "--configmap=kube-system/ip-masq-agent"
WRONG_NAME = "masq.yaml"

_NAMED = ("ip-masq-agent", "--namespace", "kube-system")


def the_case_on_kubernetes(api_server: tuple[str, ...]) -> Case:
    """The case with an API server; `api_server` is its program, to which --host, --port and --kubeconfig are added."""
    case = the_case()
    nodes = {
        node.value.metadata.name: [str(prefix) for prefix in pod_ranges(node)]
        for node in case.estate.of(Node, CLUSTER)
    }
    return replace(
        case,
        summary=(
            *case.summary,
            f"{CONTROL_PLANE} {API_ADDRESS}: an API server, which the agents watch",
        ),
        estate=case.estate.with_changes(created=[_control_plane(case.estate)]),
        make_services=lambda folder: (_service(api_server, folder),),
        make_agent=_agent,
        phases=PHASES,
        files={"config": CONFIGURATION, WRONG_NAME: CONFIGURATION, **_manifests(nodes)},
        prepare=(
            _kubectl("create", "--validate=false", "-f", MANIFESTS),
            *(
                _kubectl(
                    "replace",
                    "--validate=false",
                    "--raw",
                    f"/api/v1/nodes/{node}/status",
                    "-f",
                    f"{node}.json",
                )
                for node in nodes
            ),
        ),
        try_next=(),
    )


def _service(api_server: tuple[str, ...], folder: Path) -> Service:
    where = ("--host", API_ADDRESS, "--port", str(API_PORT))
    named = (*api_server, *where, "--kubeconfig", str(folder / KUBECONFIG))
    return Service(Program(CONTROL_PLANE, "api-server", named), ready=API_ADDRESS)


def _control_plane(estate: Estate) -> Located[Instance]:
    """An instance beside the others: the VPC's rules for what is inside of it hold for it too."""
    beside = estate.all(Instance)[f"{_INSTANCES}/{TEST}"].value
    (nic,) = beside.network_interfaces
    return Located(
        msgspec.structs.replace(
            beside,
            name=CONTROL_PLANE,
            network_interfaces=(msgspec.structs.replace(nic, network_ip=IpAddress(API_ADDRESS)),),
        ),
        Evidence(f"{_INSTANCES}/{CONTROL_PLANE}"),
    )


def _agent(agent: NodeAgent, places: Places) -> Program:
    options = (CONFIGMAP_FLAG, "--node", agent.label)
    access = ("--kubeconfig", str(places.lab / KUBECONFIG), "--state", str(places.state))
    program = (sys.executable, "-m", "wayhome.agent", *options, *access, "--log-format", "json")
    return Program(agent.node, "agent", program)


def _node(name: str, ranges: list[str]) -> dict[str, object]:
    """As its kubelet registers it."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}},
        "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def _daemon_set() -> dict[str, object]:
    """The agents' own; the processes are started by the lab, which is their kubelet."""
    labels = {"app.kubernetes.io/name": "wayhome-agent"}
    container = {"name": "wayhome-agent", "image": "wayhome-agent", "args": [CONFIGMAP_FLAG]}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "wayhome-agent", "namespace": "wayhome"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _manifests(pod_ranges_of: Mapping[str, list[str]]) -> dict[str, bytes]:
    """What a cluster has: its nodes, and what the manifests make. A node's status is written by itself."""
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in ("wayhome", "wayhome-status")
    ]
    nodes = {name: _node(name, ranges) for name, ranges in pod_ranges_of.items()}
    items = [*namespaces, _daemon_set(), *nodes.values()]
    everything = {"apiVersion": "v1", "kind": "List", "items": items}
    statuses = {f"{name}.json": json.dumps(node).encode() for name, node in nodes.items()}
    return {MANIFESTS: json.dumps(everything).encode(), **statuses}


def _kubectl(*arguments: str) -> Command:
    return Command(
        CONTROL_PLANE,
        ("kubectl", *arguments),
        shown=" ".join(("kubectl", *arguments)),
        # kubectl keeps what it has learnt of a server at home.
        environment={"KUBECONFIG": KUBECONFIG, "HOME": "."},
    )


def _status(*says: str, status: int) -> Command:
    return Command(
        CONTROL_PLANE,
        (sys.executable, "-m", "wayhome", "cluster", "status", "--wait"),
        shown="wayhome cluster status --wait",
        status=status,
        shows=says,
        environment={"KUBECONFIG": KUBECONFIG, "COLUMNS": "96"},
    )


PHASES = (
    Phase(
        name="before",
        title="the agents hold upstream's defaults; there is no ConfigMap",
        configmap=None,
        expected=BEFORE,
    ),
    Phase(
        name="masquerade",
        title="the account's file and its command",
        configmap={"config": CONFIGURATION},
        commands=(
            _kubectl("create", "configmap", "ip-masq-agent", "--from-file", "config", *_NAMED[1:]),
        ),
        questions=(_status("2 of 2 nodes on version", status=0),),
        expected=MASQUERADED,
        takes_effect=A,
        comparison="the account waited about a minute",
    ),
    Phase(
        name="wrong-key",
        title=f"the same command with the file named {WRONG_NAME}",
        configmap={"config": CONFIGURATION},
        commands=(
            _kubectl("delete", "configmap", *_NAMED),
            _kubectl(
                "create", "configmap", "ip-masq-agent", "--from-file", WRONG_NAME, *_NAMED[1:]
            ),
        ),
        questions=(_status("2 rejected", WRONG_NAME, status=1),),
        expected=MASQUERADED,
        explanation=(
            f"the ConfigMap has the key {WRONG_NAME} and not config: both agents reject it, keep what they held, and "
            f"{NODE_01} and {NODE_02} are shown as rejected."
        ),
    ),
)
