"""Internal load balancers, and routes that lead to them: static ones, and policy-based ones before all tables."""

from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json
from tests.agreement.instances import TAGS
from tests.agreement.vpc import Vpc
from tests.agreement.wide import WIDE
from tests.clouds.read.directory import COMPUTE

PROTOCOLS = ("ALL", "ALL", "TCP", "UDP", "ICMP", "ESP")


@st.composite
def balancer(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """None, or one with up to two backends, running or not; of some nobody exported who stands behind."""
    if not draw(st.booleans()):
        return
    name, group = (
        f"{vpc.name}-ilb",
        f"projects/{vpc.project}/zones/{vpc.region}-a/instanceGroups/{vpc.name}",
    )
    vpc.balancer = vpc.next_address()
    chosen = draw(st.lists(st.sampled_from(sorted(vpc.machines)), max_size=2, unique=True))
    if draw(st.sampled_from((True,) * 7 + (False,))):
        members = [{"instance": f"{COMPUTE}{one}", "status": "RUNNING"} for one in chosen]
        file = f"{vpc.project}/{vpc.name}.list-instances.json"
        exports.about(file, "compute#instanceGroupsListInstances", group, members)
    scheme = draw(st.sampled_from(("INTERNAL",) * 7 + ("INTERNAL_MANAGED",)))
    service = exports.add(
        "backend-services", f"{vpc.place}/backendServices/{name}", network=vpc.link, protocol="TCP",
        loadBalancingScheme=scheme, backends=[{"group": f"{COMPUTE}{group}"}] if chosen else [],
    )  # fmt: skip
    exports.add(
        "forwarding-rules", f"{vpc.place}/forwardingRules/{name}", network=vpc.link, backendService=service,
        IPAddress=vpc.balancer, IPProtocol="TCP", ports=["80"], loadBalancingScheme=scheme,
        subnetwork=vpc.subnetwork,
    )  # fmt: skip


@st.composite
def policy_based_routes(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """Up to two: to the balancer, or past those that come later."""
    for number in range(draw(st.sampled_from((0, 1, 2)))):
        name = f"projects/{vpc.project}/locations/global/policyBasedRoutes/{vpc.name}-{number}"
        exports.files[f"{vpc.project}/policy-based-routes.json"].append(
            {
                "kind": "networkconnectivity#policyBasedRoute", "name": name, "network": vpc.link,
                "priority": draw(st.sampled_from((100, 200))), "filter": draw(_packets()),
                "selfLink": f"https://networkconnectivity.googleapis.com/v1/{name}",
            } | draw(_next_hop(vpc)) | draw(_senders())
        )  # fmt: skip


@st.composite
def _packets(draw: st.DrawFn) -> Json:
    return {
        "protocolVersion": "IPV4", "ipProtocol": draw(st.sampled_from(PROTOCOLS)),
        "srcRange": draw(st.sampled_from(WIDE)), "destRange": draw(st.sampled_from(WIDE)),
    }  # fmt: skip


def _next_hop(vpc: Vpc) -> st.SearchStrategy[dict[str, Any]]:
    past: Json = {"nextHopOtherRoutes": "DEFAULT_ROUTING"}
    if not vpc.balancer:
        return st.just(past)
    return st.sampled_from((past, {"nextHopIlbIp": vpc.balancer}, {"nextHopIlbIp": vpc.balancer}))


def _senders() -> st.SearchStrategy[dict[str, Any]]:
    tagged = st.sampled_from(TAGS).map(lambda tag: {"virtualMachine": {"tags": [tag]}})
    return st.one_of(st.just(dict[str, Any]()), tagged)
