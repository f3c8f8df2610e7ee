"""What very probably becomes of a flow of which nobody can be sure, in the words of a cause."""

from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.scene import unique
from wayhome.diagnosis.situation import Situation
from wayhome.network import Evidence, Verdict
from wayhome.trace import Lost


def likely_cause(situation: Situation) -> Found | None:
    """Why it would be lost; None where it would rather not be, or nothing speaks for either."""
    trace = situation.trace
    if trace.verdict is not Verdict.UNDETERMINED or trace.likely is not Verdict.UNREACHABLE:
        return None
    hops = trace.reply if trace.lost is Lost.REPLY else trace.forward
    where = hops[-1].node if hops else trace.at
    if trace.lost is Lost.FORWARD:
        return Found(
            cause=Cause.NO_FORWARD_ROUTE,
            because=f"nothing that was exported leads from {where} to {trace.flow.destination}",
        )
    seen = trace.shown.result.packet.source
    routers = _routers(situation)
    advertised = f"; {routers[0].object} does not advertise it there" if routers else ""
    return Found(
        cause=Cause.NO_RETURN_ROUTE,
        because=f"the packet arrives from {seen}, and nothing that was exported leads from {where} back to it{advertised}",
        deciding=unique([*routers]),
        notes=(_CLOUD_ROUTER,) if routers else (),
    )


_CLOUD_ROUTER = (
    "a Cloud Router is what passes ranges on to the other end of a VPN or an Interconnect, so here it is one: a range of "
    "Pods that is no range of a subnet has to be among its advertised ranges"
)


def _routers(situation: Situation) -> list[Evidence]:
    """The Cloud Routers of the tunnels on the way out."""
    found = []
    for hop in situation.trace.forward:
        tunnel = situation.estate.get(VpnTunnel, hop.node)
        router = tunnel.value.router if tunnel else None
        if router and (located := situation.estate.get(Router, router)):
            found.append(located.at("bgp"))
    return found
