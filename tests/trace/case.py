"""The case in neutral form: two fabrics that are peered, and a Pod whose range only one of them knows."""

from dataclasses import dataclass, replace

from tests.trace.small import (
    MAIN,
    A,
    P,
    allow,
    attached,
    fabric,
    firewall,
    host,
    link,
    route,
    subnet,
    table,
)

from wayhome.network import (
    Ask,
    Drop,
    Evidence,
    Filter,
    Network,
    Node,
    NodeKind,
    Port,
    Route,
    RouteTable,
    RoutingRule,
    TranslationChain,
    TranslationRule,
)
from wayhome.policy import Policy, Settings, parse

DEFAULTS = "nonMasqueradeCIDRs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]"
ACCOUNT = "nonMasqueradeCIDRs: [172.16.0.0/16, 10.1.0.0/16]"

EVERYTHING = firewall(allow())
PEERING = frozenset({"peering"})
# Without it, what the table does not know would fall through to the next rule, and peering would be transitive.
NOT_EXPORTED = Route(P("0.0.0.0/0"), Drop("NO_ROUTE"))


def policy(text: str) -> Policy:
    parsed = parse(text.encode(), Settings())
    assert parsed.configuration is not None
    return parsed.configuration.policy


@dataclass(frozen=True, kw_only=True)
class Case:
    """The knobs of the case; as they stand, it fails."""

    configuration: str = DEFAULTS
    exports: bool = False
    imports: bool = False
    into_target: Filter = EVERYTHING

    def network(self) -> Network:
        source, destination = self._source_vpc(), self._destination_vpc()
        nodes = [
            source,
            destination,
            self._node("gke-node-01", "10.1.0.2", "172.16.1", "other-pod"),
            self._node("gke-node-02", "10.1.0.3", "172.16.2", "my-pod"),
            host("other-pod", "172.16.1.2", kind=NodeKind.POD),
            host("my-pod", "172.16.2.2", kind=NodeKind.POD),
            host("test-gce-01", "10.1.0.4"),
            host("target-gce-01", "10.2.0.1"),
        ]
        links = [
            link("source-vpc/peering", "destination-vpc/peering"),
            link("source-vpc/test", "test-gce-01/eth0"),
            link("destination-vpc/target", "target-gce-01/eth0"),
            link("gke-node-01/eth0", "source-vpc/node1"),
            link("gke-node-02/eth0", "source-vpc/node2"),
            link("gke-node-01/pod", "other-pod/eth0"),
            link("gke-node-02/pod", "my-pod/eth0"),
        ]
        return Network.of(nodes, links)

    def _source_vpc(self) -> Node:
        routers = [
            attached("node1", "10.1.0.2/32", permitted=None, filter_out=EVERYTHING),
            attached("node2", "10.1.0.3/32", permitted=None, filter_out=EVERYTHING),
            attached("test", "10.1.0.4/32", filter_out=EVERYTHING),
        ]
        node_routes = [route("172.16.1.0/24", "node1"), route("172.16.2.0/24", "node2")]
        imported = route("10.2.0.0/16", "peering", kind="PEERING_SUBNET")
        exported = [subnet("10.1.0.0/16"), *(node_routes if self.exports else ()), NOT_EXPORTED]
        return fabric(
            "source-vpc",
            [*routers, Port(name="peering", ingress_class=PEERING)],
            rules=(RoutingRule(table="exported", ingress=PEERING), *MAIN),
            tables={
                "main": RouteTable((subnet("10.1.0.0/16"), imported, *node_routes)),
                "exported": RouteTable(tuple(exported)),
            },
        )

    def _destination_vpc(self) -> Node:
        imported = [route("10.1.0.0/16", "peering", kind="PEERING_SUBNET")]
        if self.imports and self.exports:
            imported += [
                route(f"172.16.{n}.0/24", "peering", kind="PEERING_STATIC") for n in (1, 2)
            ]
        return fabric(
            "destination-vpc",
            [
                attached("target", "10.2.0.1/32", filter_out=self.into_target),
                Port(name="peering", ingress_class=PEERING),
            ],
            rules=(RoutingRule(table="exported", ingress=PEERING), *MAIN),
            tables={
                "main": RouteTable((subnet("10.2.0.0/16"), *imported)),
                "exported": RouteTable((subnet("10.2.0.0/16"), NOT_EXPORTED)),
            },
        )

    def _node(self, name: str, address: str, pods: str, pod: str) -> Node:
        rule = TranslationRule(
            action=Ask(policy(self.configuration)),
            locally_sent=False,
            step="GKE_POD_IP_MASQUERADING",
            evidence=Evidence("ConfigMap kube-system/ip-masq-agent"),
        )
        return replace(
            host(name, address),
            ports=(
                Port(name="eth0", addresses=(A(address),)),
                Port(name="pod", owns=(P(f"{pods}.2/32"),)),
            ),
            rules=MAIN,
            tables=table(route("0.0.0.0/0", "eth0"), subnet(f"{pods}.0/24")),
            forwards=True,
            translation_out=(TranslationChain("IP-MASQ", (rule,)),),
        )
