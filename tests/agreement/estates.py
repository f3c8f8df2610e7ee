"""Whole estates: small, and rich in what may go wrong. What is drawn is a directory of exports, and nothing but.

Of some a file or two are missing, so that what nobody exported is unknown to both, at the same place.
"""

from hypothesis import strategies as st
from tests.agreement.balancers import balancer, policy_based_routes
from tests.agreement.clusters import cluster
from tests.agreement.exports import Exports
from tests.agreement.instances import second_interfaces
from tests.agreement.outside import cloud_nat
from tests.agreement.policies import firewall_policies
from tests.agreement.vpcs import firewalls, routes, subnetwork, vpcs
from tests.agreement.vpns import vpn


@st.composite
def estates(draw: st.DrawFn) -> Exports:
    """One to three networks, up to two clusters in them, and perhaps a VPN."""
    exports = Exports()
    networks = draw(vpcs(exports))
    pods: dict[str, list[str]] = {vpc.name: [] for vpc in networks}
    for number in range(draw(st.sampled_from((1, 1, 0, 2)))):
        vpc = draw(st.sampled_from(networks))
        secondary = draw(cluster(exports, vpc, number))
        if secondary is not None and secondary not in pods[vpc.name]:
            pods[vpc.name].append(secondary)
    draw(second_interfaces(exports, networks))
    for vpc in networks:
        subnetwork(exports, vpc, pods[vpc.name], google_access=draw(st.booleans()))
        draw(cloud_nat(exports, vpc, [f"pods-{n}" for n in range(len(pods[vpc.name]))]))
        draw(balancer(exports, vpc))
        draw(routes(exports, vpc))
        draw(policy_based_routes(exports, vpc))
        draw(firewalls(exports, vpc))
        draw(firewall_policies(exports, vpc))
    draw(vpn(exports, networks, [cidr for ranges in pods.values() for cidr in ranges]))
    for _ in range(draw(st.sampled_from((0, 0, 0, 0, 1, 2)))):
        exports.forget(draw(st.sampled_from(exports.forgettable())))
    return exports
