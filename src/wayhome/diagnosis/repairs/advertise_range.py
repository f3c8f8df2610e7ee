"""Advertise the source's range: a Cloud Router tells a site of subnetworks alone, unless more is listed.

The Pods of a route-based cluster are in no subnetwork, so a site behind a VPN or an Interconnect has no route to them.
The range is added where the session takes its list from: the session itself, or its router.

Source: "Advertise custom IP address ranges", docs.cloud.google.com/network-connectivity/docs/router.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from wayhome.clouds.gcp.derive.advertise import ALL_SUBNETS, CUSTOM
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.router import Bgp, IpRange, Router
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.gcloud import Option, gcloud, place
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import range_of_source
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Prefix

KIND = "advertise-range"


@dataclass(frozen=True, slots=True)
class _Session:
    """A BGP session that the flow's way out runs beside: its router, and its place there."""

    router: Located[Router]
    number: int
    resource: str

    @property
    def custom(self) -> bool:
        """Whether the session has a list of its own."""
        return self.router.value.bgp_peers[self.number].advertise_mode == CUSTOM


def advertise_range(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Have the Cloud Router on the way out advertise the range that the source comes from."""
    prefix = range_of_source(situation)
    for name in _links(situation):
        router = _router(situation, name)
        if router is None:
            continue
        located = situation.estate.get(Router, router)
        if located is None:
            project = router.split("/")[1]
            command = f"gcloud compute routers list --project={project} --format=json"
            missing = Missing(f"the Cloud Router {router}", command)
            yield NotPossible(KIND, f"{missing.fact} is not exported", missing)
            continue
        session = _session(located, name)
        if session is not None and not _is_advertised(situation, session, prefix):
            yield _proposal(session, prefix)


def _links(situation: Situation) -> Iterator[str]:
    """The tunnels and attachments by which the flow left the exported networks, or went from one to another."""
    estate, previous = situation.estate, None
    for hop in situation.trace.forward:
        tunnel = estate.get(VpnTunnel, hop.node)
        if tunnel is not None and previous is None:  # the next one is its far end
            yield hop.node
        previous = tunnel
        if hop.left and estate.get(InterconnectAttachment, hop.left) is not None:
            yield hop.left


def _router(situation: Situation, name: str) -> str | None:
    tunnel = situation.estate.get(VpnTunnel, name)
    if tunnel is not None:
        return tunnel.value.router
    attachment = situation.estate.get(InterconnectAttachment, name)
    return attachment.value.router if attachment else None


def _session(router: Located[Router], resource: str) -> _Session | None:
    names = {
        interface.name
        for interface in router.value.interfaces
        if resource in {interface.linked_vpn_tunnel, interface.linked_interconnect_attachment}
    }
    for number, peer in enumerate(router.value.bgp_peers):
        if peer.interface_name in names and peer.enable != "FALSE":
            return _Session(router, number, resource)
    return None


def _is_advertised(situation: Situation, session: _Session, prefix: Prefix) -> bool:
    routes = situation.routes.networks.get(session.router.value.network)
    return any(
        route.next_hop.resource == session.resource and route.destination.holds(prefix)
        for route in (routes.advertised if routes else ())
    )


def _proposal(session: _Session, prefix: Prefix) -> Proposal:
    router = session.router
    name = router.value.name
    peer = router.value.bgp_peers[session.number]
    words = ("update-bgp-peer", name) if session.custom else ("update", name)
    where: dict[str, Option] = {"peer_name": peer.name} if session.custom else {}
    where |= place(router.name)
    listed = session.custom or (router.value.bgp is not None and _is_custom(router.value.bgp))
    make: dict[str, Option]
    undo: dict[str, Option]
    if listed:
        make = {"add_advertisement_ranges": str(prefix)}
        undo = {"remove_advertisement_ranges": str(prefix)}
    else:
        make = {
            "advertisement_mode": "CUSTOM",
            "set_advertisement_groups": ALL_SUBNETS,
            "set_advertisement_ranges": str(prefix),
        }
        undo = {"advertisement_mode": "DEFAULT"}
    everybody = "" if session.custom else " to every session that has no list of its own"
    return Proposal(
        kind=KIND,
        summary=f"the Cloud Router {name} advertises {prefix}",
        changes=Changes(changed=(_changed(session, prefix),)),
        commands=(gcloud("routers", *words, **where, **make),),
        undo=(gcloud("routers", *words, **where, **undo),),
        notes=(
            f"{prefix} is advertised{everybody}; the other side has to take it: its filters and firewalls are its own",
        ),
    )


def _is_custom(bgp: Bgp) -> bool:
    return bgp.advertise_mode == CUSTOM


def _changed(session: _Session, prefix: Prefix) -> Located[Resource]:
    item = IpRange(range=Cidr(str(prefix)))
    router = session.router.value
    if session.custom:
        peers = list(router.bgp_peers)
        peer = peers[session.number]
        ranges = (*peer.advertised_ip_ranges, item)
        peers[session.number] = msgspec.structs.replace(peer, advertised_ip_ranges=ranges)
        value = msgspec.structs.replace(router, bgp_peers=tuple(peers))
        return Located(value, session.router.evidence)
    bgp = router.bgp or Bgp()
    groups = bgp.advertised_groups if _is_custom(bgp) else (ALL_SUBNETS,)
    ranges = (*bgp.advertised_ip_ranges, item) if _is_custom(bgp) else (item,)
    changed = msgspec.structs.replace(
        bgp, advertise_mode=CUSTOM, advertised_groups=groups, advertised_ip_ranges=ranges
    )
    return Located(msgspec.structs.replace(router, bgp=changed), session.router.evidence)
