"""What very probably becomes of a flow of which nobody can be sure, in the words of a cause."""

from wayhome.clouds.gcp.resources.network import Network
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.routers import CLOUD_ROUTER, routers_on_the_way
from wayhome.diagnosis.causes.scene import unique
from wayhome.diagnosis.causes.transitive import network_of, peering_between, said_of
from wayhome.diagnosis.path import vpc_of
from wayhome.diagnosis.situation import Situation
from wayhome.network import Verdict
from wayhome.trace import Lost


def likely_cause(situation: Situation) -> Found | None:
    """Why it would be lost; None where it would rather not be, or nothing speaks for either."""
    trace = situation.trace
    if trace.verdict is not Verdict.UNDETERMINED or trace.likely is not Verdict.UNREACHABLE:
        return None
    hops = trace.reply if trace.lost is Lost.REPLY else trace.forward
    where = hops[-1].node if hops else trace.at
    if trace.lost is Lost.FORWARD:
        here = situation.estate.get(Network, vpc_of(where) or "")
        there = network_of(situation, trace.flow.destination)
        between = peering_between(here, there)
        if here is not None and there is not None and between is not None:
            return Found(
                cause=Cause.TRANSITIVE_PEERING,
                because=said_of(here, there, between),
                deciding=(here.at("peerings"), there.at("peerings")),
            )
        return Found(
            cause=Cause.NO_FORWARD_ROUTE,
            because=f"nothing that was exported leads from {where} to {trace.flow.destination}",
        )
    seen = trace.shown.result.packet.source
    routers = list(routers_on_the_way(situation))
    advertised = routers[0].does_not_advertise(situation, seen) if routers else ""
    return Found(
        cause=Cause.NO_RETURN_ROUTE,
        because=f"the packet arrives from {seen}, and nothing that was exported leads from {where} back to it",
        deciding=unique([router.located.at("bgp") for router in routers]),
        notes=(advertised, CLOUD_ROUTER) if advertised else (),
    )
