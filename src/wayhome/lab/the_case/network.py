r"""The case's network: a route-based cluster beside a VPC that does not know its Pods.

                source-vpc 10.1.0.0/16 ------- peering ------- destination-vpc 10.2.0.0/16
               /          |           \                                  |
      gke-node-01    gke-node-02    test-gce-01                   target-gce-01
       10.1.0.2       10.1.0.3       10.1.0.4                        10.2.0.1
          |               |
      other-pod        my-pod
      172.16.1.2      172.16.2.2

Every instance hangs on its VPC's fabric by a link of its own, with a /32, as in Google's VPC: also neighbours reach
each other through the fabric, and so through its firewall. The source VPC holds the cluster's static routes, one for
each node (k8s-node-route). They are not exchanged over the peering, so the destination VPC has no route to a Pod and
a reply to one dies there. The firewalls allow all of it: nothing else is wrong.

Where the agents ask an API server, that runs on control-plane, 10.1.0.10, an instance of the source VPC.

10.2.0.1 is the account's target, although Google reserves the address; the fabrics' gateways therefore have
link-local addresses and take none of the VPCs'.
"""

from ipaddress import IPv4Address, ip_address, ip_interface, ip_network

from wayhome.lab.topology import (
    DropRoute,
    End,
    Filter,
    FilterRule,
    Node,
    Port,
    Prefix,
    Route,
    Topology,
)
from wayhome.probe.flow import GREETING_PORT, HTTP_PORT

SOURCE_SUBNET = ip_network("10.1.0.0/16")
DESTINATION_SUBNET = ip_network("10.2.0.0/16")
POD_RANGE = ip_network("172.16.0.0/16")
EVERYWHERE = ip_network("0.0.0.0/0")
GATEWAY = ip_interface("169.254.1.1/32")

NODE_01, NODE_02 = "gke-node-01", "gke-node-02"
MY_POD, OTHER_POD = "my-pod", "other-pod"
TEST, TARGET = "test-gce-01", "target-gce-01"
SOURCE_VPC, DESTINATION_VPC = "source-vpc", "destination-vpc"
CONTROL_PLANE = "control-plane"
API_PORT = 6443

ADDRESSES = {
    NODE_01: IPv4Address("10.1.0.2"),
    NODE_02: IPv4Address("10.1.0.3"),
    TEST: IPv4Address("10.1.0.4"),
    TARGET: IPv4Address("10.2.0.1"),
    OTHER_POD: IPv4Address("172.16.1.2"),
    MY_POD: IPv4Address("172.16.2.2"),
    CONTROL_PLANE: IPv4Address("10.1.0.10"),
}
# Each node's Pod range, and its own end of its Pods' links.
POD_SUBNETS = {NODE_01: ip_network("172.16.1.0/24"), NODE_02: ip_network("172.16.2.0/24")}
POD_GATEWAYS = {NODE_01: ip_interface("172.16.1.1/32"), NODE_02: ip_interface("172.16.2.1/32")}
PODS = {NODE_01: OTHER_POD, NODE_02: MY_POD}


def _host(name: str) -> Prefix:
    return ip_network(ADDRESSES[name])


def _instance(name: str) -> Node:
    """A VM with one interface, which sends everything to its VPC's fabric."""
    return Node(
        name=name,
        ports=(Port(name="eth0", addresses=(ip_interface(ADDRESSES[name]),)),),
        routes=(Route(destination=EVERYWHERE, port="eth0", gateway=GATEWAY.ip),),
    )


def _cluster_node(name: str) -> Node:
    """A VM that forwards, with a Pod behind it."""
    instance, pod = _instance(name), PODS[name]
    return Node(
        name=name,
        forwards=True,
        ports=(*instance.ports, Port(name=f"veth-{pod}", addresses=(POD_GATEWAYS[name],))),
        routes=(
            *instance.routes,
            Route(destination=_host(pod), port=f"veth-{pod}"),
            # Not to the default route: the fabric would send it straight back.
            DropRoute(destination=POD_SUBNETS[name], cause="no-such-pod"),
        ),
    )


def _pod(name: str, node: str) -> Node:
    gateway = POD_GATEWAYS[node].ip
    return Node(
        name=name,
        ports=(Port(name="eth0", addresses=(ip_interface(ADDRESSES[name]),)),),
        routes=(Route(destination=EVERYWHERE, port="eth0", gateway=gateway),),
    )


def _firewall(*sources: Prefix) -> Filter:
    """What the VPC's rules let an instance receive."""
    return Filter(
        rules=(
            FilterRule(sources=sources, protocol="tcp", ports=(GREETING_PORT, HTTP_PORT)),
            FilterRule(sources=sources, protocol="icmp"),
        )
    )


def _towards(name: str, firewall: Filter, *, can_ip_forward: bool = False) -> Port:
    """The fabric's port to an instance, which may send from its own address only, unless it has canIpForward."""
    return Port(
        name=name,
        addresses=(GATEWAY,),
        sources=None if can_ip_forward else (_host(name),),
        outbound=firewall,
    )


def _api_firewall() -> Filter:
    nodes = tuple(_host(node) for node in POD_SUBNETS)
    return Filter(rules=(FilterRule(sources=nodes, protocol="tcp", ports=(API_PORT,)),))


def _source_vpc(*, control_plane: bool) -> Node:
    firewall = _firewall(SOURCE_SUBNET, POD_RANGE, DESTINATION_SUBNET)
    instances = (
        _towards(NODE_01, firewall, can_ip_forward=True),
        _towards(NODE_02, firewall, can_ip_forward=True),
        _towards(TEST, firewall),
        *((_towards(CONTROL_PLANE, _api_firewall()),) if control_plane else ()),
    )
    return Node(
        name=SOURCE_VPC,
        forwards=True,
        ports=(
            *instances,
            Port(name="peering", addresses=(ip_interface("169.254.2.1/32"),)),
        ),
        routes=(
            *(Route(destination=_host(port.name), port=port.name) for port in instances),
            *(
                Route(destination=subnet, port=node, gateway=ADDRESSES[node])  # k8s-node-route
                for node, subnet in POD_SUBNETS.items()
            ),
            Route(
                destination=DESTINATION_SUBNET, port="peering", gateway=ip_address("169.254.2.2")
            ),
        ),
    )


def _destination_vpc() -> Node:
    return Node(
        name=DESTINATION_VPC,
        forwards=True,
        ports=(
            _towards(TARGET, _firewall(SOURCE_SUBNET, POD_RANGE)),
            Port(name="peering", addresses=(ip_interface("169.254.2.2/32"),)),
        ),
        routes=(
            Route(destination=_host(TARGET), port=TARGET),
            Route(destination=SOURCE_SUBNET, port="peering", gateway=ip_address("169.254.2.1")),
        ),
    )


def topology(*, control_plane: bool = False) -> Topology:
    """The case's network; with an instance for the API server, if that is asked for."""
    instances = (NODE_01, NODE_02, TEST, *((CONTROL_PLANE,) if control_plane else ()))
    return Topology(
        nodes=(
            _pod(MY_POD, NODE_02),
            _pod(OTHER_POD, NODE_01),
            _cluster_node(NODE_01),
            _cluster_node(NODE_02),
            _instance(TEST),
            *((_instance(CONTROL_PLANE),) if control_plane else ()),
            _instance(TARGET),
            _source_vpc(control_plane=control_plane),
            _destination_vpc(),
        ),
        links=(
            *((End(pod, "eth0"), End(node, f"veth-{pod}")) for node, pod in PODS.items()),
            *((End(name, "eth0"), End(SOURCE_VPC, name)) for name in instances),
            (End(TARGET, "eth0"), End(DESTINATION_VPC, TARGET)),
            (End(SOURCE_VPC, "peering"), End(DESTINATION_VPC, "peering")),
        ),
    )
