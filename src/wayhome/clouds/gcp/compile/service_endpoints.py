"""Private Service Connect: an address in a network, behind which another's service is, or Google's APIs.

The network itself reaches it, with what is attached to it by tunnels and interconnects; its peers do not. A producer that
has not accepted the connection takes nothing. What it does with what it takes, no export of the consumer says.

Source: Google, "About accessing published services through endpoints"; DropInfo.cause of networkmanagement.v1.
"""

import shlex
from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.parts import ATTACHED, FROM_PEER, Parts
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.located import Located
from wayhome.network import (
    Drop,
    Forward,
    Missing,
    Node,
    NodeKind,
    Port,
    PrefixSet,
    Route,
    RouteTable,
    RoutingRule,
    Verdict,
)

ACCEPTED = "ACCEPTED"
NOT_ACCEPTED = "PSC_CONNECTION_NOT_ACCEPTED"
API_BUNDLES = frozenset({"all-apis", "vpc-sc"})
"""What stands in an endpoint instead of a service attachment: all of Google's APIs, or those of VPC Service Controls."""
TABLE, FROM_PEERS = "service-endpoints", "service-endpoints-of-peers"


def service_endpoints(estate: Estate, network: str) -> Iterator[Located[ForwardingRule]]:
    """Those of a network."""
    for rule in estate.of(ForwardingRule, network):
        if (
            rule.value.network == network
            and rule.value.ip_address is not None
            and is_endpoint(rule)
        ):
            yield rule


def is_endpoint(rule: Located[ForwardingRule]) -> bool:
    """Whether it leads to a service attachment, or to Google's APIs."""
    target = rule.value.target or ""
    return "/serviceAttachments/" in target or target.rpartition("/")[2] in API_BUNDLES


def add_service_endpoints(
    parts: Parts, estate: Estate, network: str
) -> tuple[tuple[RoutingRule, ...], dict[str, RouteTable]]:
    """Their nodes; the rules before a fabric's subnets, and the tables that these need."""
    routes, drops = [], []
    for rule in service_endpoints(estate, network):
        address = rule.value.ip_address
        if address is None or not parts.attach(network, Port(name=rule.name), rule.name, "fabric"):
            continue
        parts.add(_node(rule))
        routes.append(
            Route(address.prefix, Forward(rule.name), "SERVICE_ENDPOINT", evidence=rule.evidence)
        )
        what = (
            f"{rule.value.name} is an endpoint of Private Service Connect, which peers do not reach"
        )
        drop = Drop("PSC_ENDPOINT_ACCESSED_FROM_PEERED_NETWORK", what, rule.evidence)
        drops.append(Route(address.prefix, drop))
    if not routes:
        return (), {}
    addresses = PrefixSet.of(route.destination for route in routes)
    rules = (
        RoutingRule(table=TABLE, ingress=frozenset({ATTACHED}), destinations=addresses),
        RoutingRule(table=FROM_PEERS, ingress=frozenset({FROM_PEER}), destinations=addresses),
    )
    return rules, {TABLE: RouteTable.of(routes), FROM_PEERS: RouteTable.of(drops)}


def _node(rule: Located[ForwardingRule]) -> Node:
    value = rule.value
    refused = value.psc_connection_status not in ("", ACCEPTED)
    why = f"the connection of {value.name} to the service is {value.psc_connection_status}"
    target = value.target or ""
    accepted = value.psc_connection_status == ACCEPTED or "/serviceAttachments/" not in target
    missing = Missing(
        f"what {target} does with a connection",
        _describe(rule),
        Verdict.REACHABLE if accepted else None,
        "the service refuses it, or nothing answers there" if accepted else "",
    )
    return Node(
        name=rule.name,
        kind=NodeKind.BALANCER,
        ports=(Port(name="fabric"),),
        opaque=None if refused else missing,
        not_running=Drop(NOT_ACCEPTED, why, rule.at("pscConnectionStatus")) if refused else None,
        evidence=rule.evidence,
    )


def _describe(rule: Located[ForwardingRule]) -> str:
    parts = rule.name.split("/")
    place = f"--region={shlex.quote(parts[3])}" if parts[2] == "regions" else "--global"
    return (
        f"gcloud compute forwarding-rules describe {shlex.quote(rule.value.name)} {place} "
        f"--project={shlex.quote(parts[1])} --format=json"
    )
