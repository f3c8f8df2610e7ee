"""What runs in a cluster: Pods with ports of their own and of their node, Services, and NetworkPolicies."""

from ipaddress import IPv4Network
from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json, item
from tests.agreement.wide import WIDE

NAMESPACES = {"default": {}, "shop": {"team": "shop"}, "kube-system": {}}
"""By name, their labels."""
HOME = ("default", "default", "shop")
LABELS = ({"app": "client"}, {"app": "server"})
PORTS = ({"containerPort": 80, "name": "web"}, {"containerPort": 8080, "name": "web"}, {"containerPort": 53, "name": "dns", "protocol": "UDP"})  # fmt: skip
HOST_PORTS: tuple[Json, ...] = ({}, {}, {}, {"hostPort": 30080})
PHASES = ("Running",) * 20 + ("Pending", "Succeeded")


@st.composite
def pod(  # noqa: PLR0917 (where it is, and which one it is)
    draw: st.DrawFn, exports: Exports, folder: str, host: str, number: int, block: IPv4Network
) -> None:
    """A Pod of a node, with an address out of the node's block; one that has ended may share it with another."""
    name, phase = f"{host}-pod-{number}", draw(st.sampled_from(PHASES))
    address = str(block[5 if phase == "Succeeded" else 5 + number])
    ports = draw(
        st.lists(st.sampled_from(PORTS), max_size=2, unique_by=lambda port: str(port["name"]))
    )
    container = {
        "name": "c", "image": "c", "ports": [port | draw(st.sampled_from(HOST_PORTS)) for port in ports],
    }  # fmt: skip
    exports.add_to_cluster(
        folder, "pods",
        item(
            "Pod", name, draw(st.sampled_from(HOME)), labels=draw(st.sampled_from(LABELS)),
            spec={"nodeName": host, "containers": [container]},
            status={"phase": phase, "podIP": address, "podIPs": [{"ip": address}]},
        ),
    )  # fmt: skip


@st.composite
def services(draw: st.DrawFn, exports: Exports, folder: str, cluster: int) -> None:
    """Up to two, by numbers or names of ports; with nobody behind, headless, or without a selector."""
    for number in range(draw(st.sampled_from((0, 1, 1, 2)))):
        address = draw(st.sampled_from((f"10.250.{cluster}.{10 + number}",) * 7 + ("None",)))
        spec: Json = {
            "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
            "selector": draw(st.sampled_from((*LABELS, *LABELS, *LABELS, None))),
            "ports": draw(st.lists(_service_port(), min_size=1, max_size=2, unique_by=lambda port: str(port["name"]))),
        }  # fmt: skip
        namespace = draw(st.sampled_from(HOME))
        exports.add_to_cluster(
            folder, "services", item("Service", f"s{number}", namespace, spec=spec)
        )


def _service_port() -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(
        (
            {"name": "web", "port": 80, "protocol": "TCP", "targetPort": 80},
            {"name": "named", "port": 8000, "protocol": "TCP", "targetPort": "web"},
            {"name": "same", "port": 9000, "protocol": "TCP"},
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
        )
    )


@st.composite
def policies(draw: st.DrawFn, exports: Exports, folder: str) -> None:
    """Up to two, for one direction or both."""
    for number in range(draw(st.sampled_from((0, 0, 1, 2)))):
        spec: Json = {
            "podSelector": draw(st.sampled_from(({}, *({"matchLabels": one} for one in LABELS))))
        }
        spec["policyTypes"] = draw(
            st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        )
        for direction, verb in (("Ingress", "from"), ("Egress", "to")):
            if direction in spec["policyTypes"]:
                spec[direction.lower()] = draw(st.lists(_allowed(verb), max_size=2))
        policy = item("NetworkPolicy", f"policy-{number}", draw(st.sampled_from(HOME)), spec=spec)
        exports.add_to_cluster(folder, "networkpolicies", policy)


@st.composite
def _allowed(draw: st.DrawFn, verb: str) -> Json:
    rule: Json = {}
    if draw(st.sampled_from((True, True, True, False))):
        rule[verb] = draw(st.lists(_peer(), min_size=1, max_size=2))
    if draw(st.booleans()):
        rule["ports"] = [draw(st.sampled_from(POLICY_PORTS))]
    return rule


BLOCKS = (
    *({"cidr": cidr} for cidr in WIDE),
    {"cidr": "172.16.0.0/12", "except": ["172.16.1.0/25"]},
)
POLICY_PORTS: tuple[Json, ...] = (
    {"protocol": "TCP", "port": 80}, {"port": "web"}, {"protocol": "UDP"}, {"protocol": "TCP", "port": 8000, "endPort": 9000},
)  # fmt: skip


@st.composite
def _peer(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(("range", "pods", "namespaces", "both")))
    if kind == "range":
        return {"ipBlock": draw(st.sampled_from(BLOCKS))}
    peer: Json = {}
    if kind != "namespaces":
        peer["podSelector"] = {"matchLabels": draw(st.sampled_from(LABELS))}
    if kind != "pods":
        peer["namespaceSelector"] = draw(
            st.sampled_from(({}, {"matchLabels": NAMESPACES["shop"]}, OUTSIDE_SHOP))
        )
    return peer


OUTSIDE_SHOP: Json = {
    "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]
}
