"""The VPC fabric, compiled and traced: what Google's network does with a packet and with its reply."""

from typing import Any

import pytest
from tests.clouds.google import (
    Object,
    default_route,
    firewall,
    full_network,
    google,
    instance,
    network,
    peering,
    router,
    static,
    status,
    subnet,
    tunnel,
)

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.resource import Resource
from wayhome.network import Address, Flow, Protocol, Verdict
from wayhome.trace import Trace, trace

EXPORT, IMPORT = "exportCustomRoutes", "importCustomRoutes"


def ask(estate: Estate, at: str, source: str, destination: str, port: int | None = 80) -> Trace:
    """`at`: PROJECT/INSTANCE in zone r1-a."""
    name = at
    if not at.startswith("projects/"):
        project, _, short = at.partition("/")
        name = f"projects/{project}/zones/r1-a/instances/{short}"
    protocol = Protocol.TCP if port is not None else Protocol.ICMP
    flow = Flow(Address.parse(source), Address.parse(destination), protocol, port)
    return trace(compile_estate(estate), flow, name)


def drop_of(answer: Trace) -> str:
    return answer.drop.cause if answer.drop else ""


def open_firewall(*networks: str) -> list[Object]:
    return [
        firewall(name, f"open-{name.rpartition('/')[2]}", allowed="all", sourceRanges=["0.0.0.0/0"])
        for name in networks
    ]


def two(
    *more: Object, left: tuple[str, ...] = (), right: tuple[str, ...] = (), **kinds: Any
) -> Estate:
    """Two peered networks with an instance in each; p/a also has a router VM with a static route."""
    through = "projects/p/zones/r1-a/instances/gate"
    return google(
        network("p/a", peering("q/b", *left)),
        network("q/b", peering("p/a", *right)),
        subnet("p/a", "10.1.0.0/16"),
        subnet("q/b", "10.2.0.0/16"),
        default_route("p/a"),
        default_route("q/b"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        instance("q/b", "two", "10.2.0.2"),
        static("p/a", "pods", "172.16.1.0/24", nextHopInstance=through),
        *open_firewall("p/a", "q/b"),
        *more,
        **kinds,
    )  # fmt: skip


def test_over_a_peering_and_back() -> None:
    answer = ask(two(), "p/one", "10.1.0.2", "10.2.0.2")
    assert answer.verdict is Verdict.REACHABLE
    assert [hop.node.rpartition("/")[2] for hop in answer.forward] == ["one", "a", "b", "two"]
    assert [hop.node.rpartition("/")[2] for hop in answer.reply] == ["two", "b", "a", "one"]


def test_the_reply_to_a_pods_address_dies_without_the_exchange() -> None:
    answer = ask(two(), "p/gate", "172.16.1.5", "10.2.0.2")
    assert (answer.verdict, answer.lost) == (Verdict.UNREACHABLE, "reply")
    assert drop_of(answer) == "PRIVATE_TRAFFIC_TO_INTERNET"


def test_without_a_default_route_it_dies_of_no_route() -> None:
    estate = google(
        network("p/a", peering("q/b")),
        network("q/b", peering("p/a")),
        subnet("p/a", "10.1.0.0/16"),
        subnet("q/b", "10.2.0.0/16"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        instance("q/b", "two", "10.2.0.2"),
        *open_firewall("p/a", "q/b"),
    )
    assert drop_of(ask(estate, "p/gate", "172.16.1.5", "10.2.0.2")) == "NO_ROUTE"


def test_a_reply_finds_an_exchanged_route_to_the_instance_that_has_the_pods() -> None:
    estate = two(left=(EXPORT,), right=(IMPORT,))
    answer = ask(estate, "p/gate", "172.16.1.5", "10.2.0.2")
    # What the instance does with it is in no export: that is where Kubernetes nodes are put in its place.
    assert answer.verdict is Verdict.UNDETERMINED
    assert [hop.node.rpartition("/")[2] for hop in answer.reply] == ["two", "b", "a", "gate"]
    assert "gcloud compute ssh gate" in answer.missing[0].command


def test_peering_is_not_transitive() -> None:
    both = (EXPORT, IMPORT)
    estate = google(
        network("p/a", peering("p/b", *both)),
        network("p/b", peering("p/a", *both), peering("p/c", *both)),
        network("p/c", peering("p/b", *both)),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
        subnet("p/c", "10.3.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/c", "three", "10.3.0.2"),
        *open_firewall("p/a", "p/b", "p/c"),
    )
    answer = ask(estate, "p/one", "10.1.0.2", "10.3.0.2")
    assert (answer.verdict, drop_of(answer)) == (Verdict.UNREACHABLE, "NO_ROUTE")


def test_an_instance_may_not_send_from_addresses_that_are_not_its_own() -> None:
    answer = ask(two(), "p/one", "172.16.1.5", "10.2.0.2")
    assert (drop_of(answer), answer.lost) == ("FOREIGN_IP_DISALLOWED", "forward")
    assert answer.drop is not None
    assert answer.drop.evidence is not None
    assert answer.drop.evidence.pointer.endswith("/canIpForward")


def test_a_route_through_an_instance_that_may_not_forward() -> None:
    estate = two(
        static("p/a", "bad", "10.77.0.0/16", nextHopInstance="projects/p/zones/r1-a/instances/one")
    )
    answer = ask(estate, "p/gate", "10.1.0.9", "10.77.0.1")
    assert drop_of(answer) == "FOREIGN_IP_DISALLOWED"


def test_alias_addresses_are_an_instances_own() -> None:
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", "172.20.0.0/16"),
        instance("p/a", "one", "10.1.0.2", aliases=("172.20.1.0/24",)),
        instance("p/a", "two", "10.1.0.3"),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/one", "172.20.1.7", "10.1.0.3").verdict is Verdict.REACHABLE
    assert ask(estate, "p/two", "10.1.0.3", "172.20.1.7").verdict is Verdict.REACHABLE


def test_an_address_that_nobody_has_is_dropped_where_its_subnet_is() -> None:
    answer = ask(two(), "p/one", "10.1.0.2", "10.2.0.77")
    assert drop_of(answer) == "UNKNOWN_INTERNAL_ADDRESS"


def test_an_address_in_a_subnet_whose_instances_were_not_exported_is_unknown() -> None:
    estate = google(
        network("p/a"), subnet("p/a", "10.1.0.0/16"), default_route("p/a"),
        instance("p/a", "one", "10.1.0.2"), *open_firewall("p/a"), missing=[Instance],
    )  # fmt: skip
    answer = ask(estate, "p/one", "10.1.0.2", "10.1.0.77")
    assert (answer.verdict, answer.likely) == (Verdict.UNDETERMINED, Verdict.UNREACHABLE)
    assert "gcloud compute instances list --project=p" in answer.missing[0].command


def test_a_subnet_route_is_before_a_more_specific_route() -> None:
    through = "projects/p/zones/r1-a/instances/gate"
    estate = two(static("p/a", "steal", "10.2.0.0/24", priority=0, nextHopInstance=through))
    assert ask(estate, "p/one", "10.1.0.2", "10.2.0.2").verdict is Verdict.REACHABLE


def test_tagged_routes_are_for_instances_with_the_tag() -> None:
    gateway = "projects/p/zones/r1-a/instances/gate"
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "tagged", "10.1.0.2", tags="special"),
        instance("p/a", "plain", "10.1.0.3"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        static("p/a", "x", "10.9.0.0/16", tags=["special"], nextHopInstance=gateway),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/tagged", "10.1.0.2", "10.9.0.1").verdict is Verdict.UNDETERMINED
    assert drop_of(ask(estate, "p/plain", "10.1.0.3", "10.9.0.1")) == "NO_ROUTE"


def test_internet_needs_an_external_address() -> None:
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", "172.20.0.0/16"),
        default_route("p/a"),
        instance("p/a", "out", "10.1.0.2", external="34.1.1.1", aliases=("172.20.1.0/24",)),
        instance("p/a", "in", "10.1.0.3"),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/out", "10.1.0.2", "8.8.8.8").verdict is Verdict.REACHABLE
    assert drop_of(ask(estate, "p/in", "10.1.0.3", "8.8.8.8")) == "NO_EXTERNAL_ADDRESS"
    # The external address is the primary address's, and not the alias range's.
    assert drop_of(ask(estate, "p/out", "172.20.1.7", "8.8.8.8")) == "NO_EXTERNAL_ADDRESS"
    answer = ask(estate, "p/in", "10.1.0.3", "199.36.153.8")
    assert drop_of(answer) == "PRIVATE_GOOGLE_ACCESS_DISALLOWED"


def test_private_google_access_is_the_subnets() -> None:
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", privateIpGoogleAccess=True),
        default_route("p/a"),
        instance("p/a", "in", "10.1.0.3"),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/in", "10.1.0.3", "199.36.153.8").verdict is Verdict.REACHABLE


def test_an_external_address_is_reached_from_another_network_through_the_internet() -> None:
    estate = google(
        network("p/a"), network("q/b"),
        subnet("p/a", "10.1.0.0/16"), subnet("q/b", "10.1.0.0/16"),
        default_route("p/a"), default_route("q/b"),
        instance("p/a", "one", "10.1.0.2", external="34.1.1.1"),
        instance("q/b", "two", "10.1.0.2", external="35.1.1.1"),
        *open_firewall("p/a", "q/b"),
    )  # fmt: skip
    answer = ask(estate, "p/one", "10.1.0.2", "35.1.1.1")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.forward[-1].node == "projects/q/zones/r1-a/instances/two"


def test_cloud_nat_gives_an_address_to_the_ranges_that_it_is_for() -> None:
    nat = {
        "name": "nat",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES",
        "natIpAllocateOption": "AUTO_ONLY",
    }
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", "172.20.0.0/16"),
        default_route("p/a"),
        instance("p/a", "one", "10.1.0.2", aliases=("172.20.1.0/24",)),
        router("p/a", "cr", [], nats=[nat]),
        *open_firewall("p/a"),
    )
    answer = ask(estate, "p/one", "10.1.0.2", "8.8.8.8")
    assert answer.verdict is Verdict.REACHABLE
    assert any("Google chose" in text for text in answer.assumptions)
    assert drop_of(ask(estate, "p/one", "172.20.1.7", "8.8.8.8")) == "NO_EXTERNAL_ADDRESS"


def vpn(
    *more: Object, mode: str = "REGIONAL", peer: dict[str, Any] | None = None, **of_tunnel: Any
) -> Estate:
    """A network whose router learned 192.168.0.0/16 over a tunnel; a GKE node's Pods are behind `gate`."""
    at = "projects/p/regions/r1"
    return google(
        network("p/a", mode=mode),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        (f"{at}/vpnGateways/gw", {"network": full_network("p/a")}),
        tunnel("p", "t", vpnGateway=f"{at}/vpnGateways/gw", router=f"{at}/routers/cr",
               peerIp="1.1.1.1", **of_tunnel),
        router("p/a", "cr", [{"name": "t"} | (peer or {})]),
        status("p/a", "cr", [{"destRange": "192.168.0.0/16", "priority": 100,
                             "nextHopVpnTunnel": f"{at}/vpnTunnels/t"}]),
        *open_firewall("p/a"),
        *more,
    )  # fmt: skip


def test_a_site_answers_what_the_router_advertised() -> None:
    answer = ask(vpn(), "p/one", "10.1.0.2", "192.168.5.5")
    assert answer.verdict is Verdict.REACHABLE
    assert any("has the address and answers" in text for text in answer.assumptions)


def test_a_site_does_not_know_the_pods_that_the_router_does_not_advertise() -> None:
    answer = ask(vpn(), "p/gate", "172.16.1.5", "192.168.5.5")
    assert (answer.verdict, answer.likely) == (Verdict.UNDETERMINED, Verdict.UNREACHABLE)
    assert answer.lost == "reply"


def test_an_advertised_pod_range_comes_back_to_the_vpc() -> None:
    peer = {"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "172.16.0.0/16"}]}
    answer = ask(vpn(peer=peer), "p/gate", "172.16.1.5", "192.168.5.5")
    # The site sends it to us; here nothing has a route to it.
    assert (answer.verdict, drop_of(answer)) == (Verdict.UNREACHABLE, "NO_ROUTE")
    assert answer.reply[-1].node == full_network("p/a")


def test_a_tunnel_that_is_down() -> None:
    answer = ask(vpn(status="NO_INCOMING_PACKETS"), "p/one", "10.1.0.2", "192.168.5.5")
    assert drop_of(answer) == "ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED"


@pytest.mark.parametrize(
    "selectors, cause",
    [
        ({"localTrafficSelector": ["10.8.0.0/16"]}, "VPN_TUNNEL_LOCAL_SELECTOR_MISMATCH"),
        ({"remoteTrafficSelector": ["10.8.0.0/16"]}, "VPN_TUNNEL_REMOTE_SELECTOR_MISMATCH"),
        ({"localTrafficSelector": ["0.0.0.0/0"], "remoteTrafficSelector": ["0.0.0.0/0"]}, ""),
    ],
)
def test_traffic_selectors(selectors: dict[str, Any], cause: str) -> None:
    assert drop_of(ask(vpn(**selectors), "p/one", "10.1.0.2", "192.168.5.5")) == cause


def test_a_regional_dynamic_route_is_not_for_instances_of_other_regions() -> None:
    far = instance("p/a", "far", "10.1.0.20", zone="r2-a")
    at = "projects/p/zones/r2-a/instances/far"
    assert drop_of(ask(vpn(far), at, "10.1.0.20", "192.168.5.5")) == "NO_ROUTE"
    answer = ask(vpn(far, mode="GLOBAL"), at, "10.1.0.20", "192.168.5.5")
    assert answer.verdict is Verdict.REACHABLE


def test_a_peer_reaches_the_site_only_with_the_exchange_and_an_advertisement_of_its_own() -> None:
    def estate(left: tuple[str, ...], right: tuple[str, ...], peer: dict[str, Any]) -> Estate:
        at = "projects/p/regions/r1"
        return google(
            network("p/a", peering("q/b", *left)),
            network("q/b", peering("p/a", *right)),
            subnet("p/a", "10.1.0.0/16"),
            subnet("q/b", "10.2.0.0/16"),
            instance("q/b", "two", "10.2.0.2"),
            (f"{at}/vpnGateways/gw", {"network": full_network("p/a")}),
            tunnel("p", "t", vpnGateway=f"{at}/vpnGateways/gw", router=f"{at}/routers/cr"),
            router("p/a", "cr", [{"name": "t"} | peer]),
            status("p/a", "cr", [{"destRange": "192.168.0.0/16", "priority": 100,
                                 "nextHopVpnTunnel": f"{at}/vpnTunnels/t"}]),
            *open_firewall("p/a", "q/b"),
        )  # fmt: skip

    def asked(*arguments: Any) -> Trace:
        return ask(estate(*arguments), "q/two", "10.2.0.2", "192.168.5.5")

    custom = {
        "advertiseMode": "CUSTOM",
        "advertisedGroups": ["ALL_SUBNETS"],
        "advertisedIpRanges": [{"range": "10.2.0.0/16"}],
    }
    assert drop_of(asked((), (), custom)) == "NO_ROUTE"
    assert asked((EXPORT,), (IMPORT,), {}).likely is Verdict.UNREACHABLE
    assert asked((EXPORT,), (IMPORT,), custom).verdict is Verdict.REACHABLE


def test_two_exported_networks_joined_by_vpn() -> None:
    def side(project: str, own: str, other: str, prefix: str) -> list[Object]:
        at = f"projects/{project}/regions/r1"
        return [
            network(f"{project}/n"),
            subnet(f"{project}/n", f"{prefix}.0.0/16"),
            instance(f"{project}/n", "vm", f"{prefix}.0.2"),
            (
                f"{at}/vpnGateways/gw",
                {"network": full_network(f"{project}/n"), "vpnInterfaces": [{"id": 0, "ipAddress": own}]},
            ),
            tunnel(project, "t", vpnGateway=f"{at}/vpnGateways/gw", vpnGatewayInterface=0,
                   peerIp=other, router=f"{at}/routers/cr"),
            *open_firewall(f"{project}/n"),
        ]  # fmt: skip

    def static_to(project: str, cidr: str) -> Object:
        return static(f"{project}/n", f"to-{project}", cidr,
                      nextHopVpnTunnel=f"projects/{project}/regions/r1/vpnTunnels/t")  # fmt: skip

    estate = google(
        *side("a", "35.0.0.1", "35.0.0.2", "10.1"),
        *side("b", "35.0.0.2", "35.0.0.1", "10.2"),
        static_to("a", "10.2.0.0/16"),
    )
    answer = ask(estate, "a/vm", "10.1.0.2", "10.2.0.2")
    assert (answer.verdict, answer.lost) == (Verdict.UNREACHABLE, "reply")
    both = google(
        *side("a", "35.0.0.1", "35.0.0.2", "10.1"),
        *side("b", "35.0.0.2", "35.0.0.1", "10.2"),
        static_to("a", "10.2.0.0/16"),
        static_to("b", "10.1.0.0/16"),
    )
    assert ask(both, "a/vm", "10.1.0.2", "10.2.0.2").verdict is Verdict.REACHABLE


def unread_peer(*flags: str, outgoing: list[dict[str, Any]] | None = None) -> Estate:
    """The peer's project is not exported; `routes list` on this side shows its subnet."""
    listing = {
        "network": full_network("p/a"), "peering": "to-b", "direction": "OUTGOING", "region": "r1",
        "items": outgoing or [],
    }  # fmt: skip
    gate = "projects/p/zones/r1-a/instances/gate"
    return google(
        network("p/a", peering("q/b", *flags)),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        static("p/a", "peering-route", "10.2.0.0/16", priority=0, nextHopPeering="to-b"),
        static("p/a", "pods", "172.16.1.0/24", nextHopInstance=gate),
        *(
            [(f"{full_network('p/a')}/peerings/to-b/routes/OUTGOING/r1", listing)]
            if outgoing
            else []
        ),
        *open_firewall("p/a"),
    )


def test_an_unread_peer_is_never_a_success() -> None:
    answer = ask(unread_peer(), "p/one", "10.1.0.2", "10.2.0.2")
    assert answer.verdict is Verdict.UNDETERMINED
    assert "get-effective-firewalls b --project=q" in answer.missing[0].command


def test_an_unread_peer_without_our_routes_very_probably_loses_the_reply() -> None:
    answer = ask(unread_peer(), "p/gate", "172.16.1.5", "10.2.0.2")
    assert answer.verdict is Verdict.UNDETERMINED
    back = [fact for fact in answer.missing if "route back" in fact.fact]
    assert back[0].likely is Verdict.UNREACHABLE
    assert "routes list" in back[0].command
    assert "--project=q" in back[0].command


def test_what_an_unread_peer_imports_is_known_from_our_side() -> None:
    rows = [{"destRange": "172.16.1.0/24", "type": "STATIC_PEERING_ROUTE", "imported": True}]
    answer = ask(unread_peer(EXPORT, outgoing=rows), "p/gate", "172.16.1.5", "10.2.0.2")
    assert not [fact for fact in answer.missing if "route back" in fact.fact]
    asked = ask(unread_peer(EXPORT), "p/gate", "172.16.1.5", "10.2.0.2")
    imports = [fact for fact in asked.missing if "imports" in fact.fact]
    assert imports[0].likely is Verdict.REACHABLE


def test_an_internal_load_balancer_as_next_hop_and_as_destination() -> None:
    at = "projects/p/regions/r1"
    group = "projects/p/zones/r1-a/instanceGroups/g"
    vm = "projects/p/zones/r1-a/instances"
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "back-1", "10.1.0.11", canIpForward=True),
        instance("p/a", "back-2", "10.1.0.12", canIpForward=True),
        (f"{at}/forwardingRules/front", {
            "loadBalancingScheme": "INTERNAL", "IPAddress": "10.1.0.100",
            "network": full_network("p/a"), "backendService": f"{at}/backendServices/s"}),
        (f"{at}/backendServices/s", {"backends": [{"group": group}]}),
        (f"{group}/instances", {"items": [{"instance": f"{vm}/back-1"}, {"instance": f"{vm}/back-2"}]}),
        static("p/a", "x", "10.9.0.0/16", nextHopIlb=f"{at}/forwardingRules/front"),
        *open_firewall("p/a"),
    )  # fmt: skip
    assert ask(estate, "p/one", "10.1.0.2", "10.1.0.100").verdict is Verdict.REACHABLE
    answer = ask(estate, "p/one", "10.1.0.2", "10.9.0.1")
    assert answer.verdict is Verdict.UNDETERMINED
    assert {fact.command.split()[3] for fact in answer.missing} == {"back-1", "back-2"}


def test_a_policy_based_route_is_before_everything() -> None:
    at, group = "projects/p/regions/r1", "projects/p/zones/r1-a/instanceGroups/g"

    def estate(*more: Object, **fields: Any) -> Estate:
        pbr = {
            "name": "projects/p/locations/global/policyBasedRoutes/x",
            "network": full_network("p/a"),
            "priority": 200,
            "filter": {"srcRange": "10.1.0.0/16", "destRange": "10.1.0.3/32"},
            "nextHopIlbIp": "10.1.0.100",
        }
        return google(
            network("p/a"),
            subnet("p/a", "10.1.0.0/16"),
            instance("p/a", "one", "10.1.0.2", tags="web"),
            instance("p/a", "two", "10.1.0.3"),
            instance("p/a", "stopped", "10.1.0.11", status="TERMINATED"),
            (f"{at}/forwardingRules/front", {
                "loadBalancingScheme": "INTERNAL", "IPAddress": "10.1.0.100",
                "network": full_network("p/a"), "backendService": f"{at}/backendServices/s"}),
            (f"{at}/backendServices/s", {"backends": [{"group": group}]}),
            (f"{group}/instances", {"items": [{"instance": "projects/p/zones/r1-a/instances/stopped"}]}),
            ("projects/p/locations/global/policyBasedRoutes/x", pbr | fields),
            *open_firewall("p/a"),
            *more,
        )  # fmt: skip

    assert drop_of(ask(estate(), "p/one", "10.1.0.2", "10.1.0.3")) == "NO_BACKENDS"
    other = {"virtualMachine": {"tags": ["db"]}}
    assert ask(estate(**other), "p/one", "10.1.0.2", "10.1.0.3").verdict is Verdict.REACHABLE
    exempt = (
        "projects/p/locations/global/policyBasedRoutes/exempt",
        {
            "name": "projects/p/locations/global/policyBasedRoutes/exempt",
            "network": full_network("p/a"),
            "priority": 100,
            "nextHopOtherRoutes": "DEFAULT_ROUTING",
        },
    )
    assert ask(estate(exempt), "p/one", "10.1.0.2", "10.1.0.3").verdict is Verdict.REACHABLE


def test_firewall_rules_that_were_not_exported_are_no_open_firewall() -> None:
    estate = google(
        network("p/a"), subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"), instance("p/a", "two", "10.1.0.3"),
        missing=[FirewallRule],
    )  # fmt: skip
    answer = ask(estate, "p/one", "10.1.0.2", "10.1.0.3")
    assert answer.verdict is Verdict.UNDETERMINED
    assert "firewall-rules list --project=p" in answer.missing[0].command


def test_a_stopped_instance() -> None:
    estate = two(instance("q/b", "off", "10.2.0.3", status="TERMINATED"))
    assert drop_of(ask(estate, "p/one", "10.1.0.2", "10.2.0.3")) == "INSTANCE_NOT_RUNNING"


def test_an_instance_in_a_network_of_another_project_that_is_not_exported() -> None:
    estate = google(
        instance("host/shared", "one", "10.1.0.2"), instance("host/shared", "two", "10.1.0.3")
    )
    answer = ask(estate, "host/one", "10.1.0.2", "10.1.0.3")
    assert answer.verdict is Verdict.UNDETERMINED
    assert "networks describe shared --project=host" in answer.missing[0].command


def test_shared_vpc_instances_of_a_service_project() -> None:
    name, fields = instance("host/shared", "two", "10.1.0.3")
    estate = google(
        network("host/shared"),
        subnet("host/shared", "10.1.0.0/16"),
        instance("host/shared", "one", "10.1.0.2"),
        (name.replace("projects/host", "projects/service"), fields),
        *open_firewall("host/shared"),
    )
    answer = ask(estate, "host/one", "10.1.0.2", "10.1.0.3")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.forward[-1].node == "projects/service/zones/r1-a/instances/two"


def test_a_peers_regional_routes_are_for_senders_of_that_region() -> None:
    """Peering and regional routing: the exporter's REGIONAL mode decides, and not the importer's GLOBAL one."""
    at = "projects/p/regions/r1"
    custom = {"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "10.2.0.0/16"}]}

    def estate(mode: str) -> Estate:
        return google(
            network("p/a", peering("q/b", EXPORT), mode=mode),
            network("q/b", peering("p/a", IMPORT), mode="GLOBAL"),
            subnet("p/a", "10.1.0.0/16"),
            subnet("q/b", "10.2.0.0/17"),
            subnet("q/b", "10.2.128.0/17", region="r2"),
            instance("q/b", "near", "10.2.0.2"),
            instance("q/b", "far", "10.2.128.2", zone="r2-a"),
            (f"{at}/vpnGateways/gw", {"network": full_network("p/a")}),
            tunnel("p", "t", vpnGateway=f"{at}/vpnGateways/gw", router=f"{at}/routers/cr"),
            router("p/a", "cr", [{"name": "t"} | custom]),
            status("p/a", "cr", [{"destRange": "192.168.0.0/16", "priority": 100,
                                 "nextHopVpnTunnel": f"{at}/vpnTunnels/t"}]),
            *open_firewall("p/a", "q/b"),
        )  # fmt: skip

    far = "projects/q/zones/r2-a/instances/far"
    near = ask(estate("REGIONAL"), "q/near", "10.2.0.2", "192.168.5.5")
    assert near.verdict is Verdict.REACHABLE
    answer = ask(estate("REGIONAL"), far, "10.2.128.2", "192.168.5.5")
    assert (drop_of(answer), len(answer.forward)) == ("NO_ROUTE", 2)


def test_what_nobody_has_in_a_hybrid_subnet_follows_the_custom_routes() -> None:
    at = "projects/p/regions/r1"

    def estate(**fields: Any) -> Estate:
        return google(
            network("p/a"),
            subnet("p/a", "10.1.0.0/16", **fields),
            instance("p/a", "one", "10.1.0.2"),
            instance("p/a", "two", "10.1.0.3"),
            (f"{at}/vpnGateways/gw", {"network": full_network("p/a")}),
            tunnel("p", "t", vpnGateway=f"{at}/vpnGateways/gw"),
            static("p/a", "rest", "10.1.0.0/16", nextHopVpnTunnel=f"{at}/vpnTunnels/t"),
            *open_firewall("p/a"),
        )

    hybrid = estate(allowSubnetCidrRoutesOverlap=True)
    assert ask(hybrid, "p/one", "10.1.0.2", "10.1.0.3").verdict is Verdict.REACHABLE
    assert len(ask(hybrid, "p/one", "10.1.0.2", "10.1.0.99").forward) == 4
    answer = ask(estate(), "p/one", "10.1.0.2", "10.1.0.99")
    assert drop_of(answer) == "UNKNOWN_INTERNAL_ADDRESS"


def test_several_peers_with_one_destination_are_ambiguous_only_if_it_matters() -> None:
    def estate(*more: Object) -> Estate:
        gate_b = "projects/p/zones/r1-a/instances/gate-b"
        gate_c = "projects/p/zones/r1-a/instances/gate-c"
        return google(
            network("p/a", peering("p/b", IMPORT), peering("p/c", IMPORT)),
            network("p/b", peering("p/a", EXPORT)),
            network("p/c", peering("p/a", EXPORT)),
            subnet("p/a", "10.1.0.0/16"),
            subnet("p/b", "10.2.0.0/16"),
            subnet("p/c", "10.3.0.0/16"),
            instance("p/a", "one", "10.1.0.2"),
            instance("p/b", "gate-b", "10.2.0.2", status="TERMINATED"),
            instance("p/c", "gate-c", "10.3.0.2"),
            static("p/b", "b", "10.9.0.0/16", nextHopInstance=gate_b),
            static("p/c", "c", "10.9.0.0/16", nextHopInstance=gate_c, priority=1),
            *open_firewall("p/a", "p/b", "p/c"),
            *more,
        )

    # Both lose the packet: one instance is stopped, the other may not forward.
    answer = ask(estate(), "p/one", "10.1.0.2", "10.9.0.1")
    assert answer.verdict is Verdict.UNREACHABLE
    causes = {way.result.ended.cause for way in answer.ways}  # type: ignore[union-attr]
    assert causes == {"INSTANCE_NOT_RUNNING", "FOREIGN_IP_DISALLOWED"}


def test_subnetworks_that_were_not_exported_are_no_empty_network() -> None:
    def estate(*missing: type[Resource]) -> Estate:
        return google(
            network("p/a", peering("q/b")),
            network("q/b", peering("p/a")),
            subnet("p/a", "10.1.0.0/16"),
            instance("p/a", "one", "10.1.0.2"),
            instance("q/b", "two", "10.2.0.2"),
            *open_firewall("p/a", "q/b"),
            missing=missing,
        )

    # Of the destination's network not even the subnetworks' routes are there.
    answer = ask(estate(Subnetwork), "p/one", "10.1.0.2", "10.2.0.2")
    assert (answer.verdict, answer.likely) == (Verdict.UNDETERMINED, Verdict.UNREACHABLE)
    assert drop_of(ask(estate(), "p/one", "10.1.0.2", "10.2.0.2")) == "NO_ROUTE"


def test_an_interconnect_attachment_leads_to_its_site() -> None:
    at = "projects/p/regions/r1"
    attachment = f"{at}/interconnectAttachments/x"
    best = {"destRange": "192.168.0.0/16", "priority": 100, "nextHopInterconnectAttachment": attachment}  # fmt: skip

    def estate(state: str) -> Estate:
        interfaces = [{"name": "if-x", "linkedInterconnectAttachment": attachment}]
        return google(
            network("p/a"),
            subnet("p/a", "10.1.0.0/16"),
            instance("p/a", "one", "10.1.0.2"),
            (attachment, {"router": f"{at}/routers/cr", "state": state}),
            router("p/a", "cr", [{"name": "x"}], interfaces=interfaces),
            status("p/a", "cr", [best]),
            *open_firewall("p/a"),
        )

    answer = ask(estate("ACTIVE"), "p/one", "10.1.0.2", "192.168.5.5")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.forward[-1].node == f"{at}/routers/cr/site"
    answer = ask(estate("OS_DOWN"), "p/one", "10.1.0.2", "192.168.5.5")
    assert answer.verdict is Verdict.UNREACHABLE


def test_external_ipv6_addresses_are_not_translated() -> None:
    name, fields = instance("p/a", "one", "10.1.0.2")
    fields["networkInterfaces"][0]["ipv6Address"] = "2600:1900:0:1::"
    at = "projects/p/global/gateways/default-internet-gateway"
    estate = google(
        network("p/a"),
        subnet(
            "p/a", "10.1.0.0/16", externalIpv6Prefix="2600:1900:0:1::/64", stackType="IPV4_IPV6"
        ),
        static("p/a", "default-6", "::/0", nextHopGateway=at),
        (name, fields),
        *open_firewall("p/a"),
    )
    answer = ask(estate, "p/one", "2600:1900:0:1::", "2001:4860:4860::8888")
    assert answer.verdict is Verdict.REACHABLE
