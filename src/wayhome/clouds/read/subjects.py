"""What the outputs are about that do not name their subject.

`collected.json` says it for all of them. Otherwise it is found where there is only one possibility: effective firewalls
by the network of their rules, a router's status by its network and its peers, service
projects by the project whose folder they are in. The routes of a peering name nothing at
all; then the names of the file and its folders must: `…/PEERING/REGION/INCOMING.json`, or joined by dots.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.project import ServiceProjects
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.read.folders import Folders
from wayhome.clouds.read.loaded import Loaded
from wayhome.clouds.resource import Resource

_REGION = re.compile(r"[a-z]+-[a-z]+\d+")
_PEERING_ROUTES = re.compile(
    r"(?P<network>projects/[^/]+/global/networks/[^/]+)/peerings/(?P<peering>[^/]+)/routes/"
    r"(?P<direction>INCOMING|OUTGOING)/(?P<region>[^/]+)"
)


class NoSubjectError(Exception):
    """The subject cannot be told. The message says why, `instead` how to say it."""

    def __init__(self, problem: str, instead: str) -> None:
        super().__init__(problem)
        self.instead = instead


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the exports have that such an output may be about, by full name."""

    networks: Mapping[str, Network]
    routers: Mapping[str, Router]
    projects: Folders

    def of(self, loaded: Loaded, given: str) -> tuple[str, Resource]:
        """The full name of the output, and the output itself, completed. Raises NoSubjectError.

        `given` is the subject that `collected.json` names, or nothing.
        """
        resource = loaded.resource
        if isinstance(resource, PeeringRoutes):
            name = given or self._peering(loaded.file)
            parts = _PEERING_ROUTES.fullmatch(name)
            if parts is None:
                raise NoSubjectError(
                    "is said to be of something that is no peering's routes", _NAME_PEERING
                )
            return name, msgspec.structs.replace(resource, **parts.groupdict())
        if isinstance(resource, EffectiveFirewalls):
            given = given or _single(
                {str(rule.network) for rule in resource.firewalls},
                "does not say whose effective firewalls it holds",
                "name the network",
            )
        elif isinstance(resource, RouterStatus):
            given = given or self._router(resource)
        elif isinstance(resource, ServiceProjects):
            given = given or _single(
                self.projects.nearest(loaded.file),
                "does not say whose service projects it lists",
                "put it into the host project's folder, or name the host project",
            )
        elif not given:
            raise NoSubjectError("does not say whose instances it lists", _NAME_IT)
        return f"{given}/{resource.COLLECTION}", resource

    def _router(self, status: RouterStatus) -> str:
        peers = {peer.name for peer in status.result.bgp_peer_status}
        fitting = {
            name
            for name, router in self.routers.items()
            if router.network == status.result.network
            and peers <= {peer.name for peer in router.bgp_peers}
        }
        return _single(fitting, "does not say which router's status it is", "name the router")

    def _peering(self, file: str) -> str:
        words = set(re.split(r"[/._ ]+", file))
        directions = {word.upper() for word in words} & {"INCOMING", "OUTGOING"}
        regions = {word for word in words if _REGION.fullmatch(word)}
        peerings = {
            (network, peering.name)
            for network, value in self.networks.items()
            for peering in value.peerings
            if peering.name in words
        }
        if directions and regions and not peerings:
            raise NoSubjectError(
                "is named after no peering of a network that was exported", _EXPORT_NETWORKS
            )
        if len(peerings) > 1:
            peerings = {
                (network, peering)
                for network, peering in peerings
                if {network.split("/")[1], network.rpartition("/")[2]} & words
            }
        if len(directions) != 1 or len(regions) != 1 or len(peerings) != 1:
            raise NoSubjectError("does not say which peering's routes it lists", _NAME_PEERING)
        ((network, peering),) = peerings
        return f"{network}/peerings/{peering}/routes/{directions.pop()}/{regions.pop()}"


_NAME_IT = "name it in collected.json"
_NAME_PEERING = "call it PEERING.REGION.INCOMING.json (or OUTGOING), or name it in collected.json"
_EXPORT_NETWORKS = (
    "export the networks of its project beside it (gcloud compute networks list --format=json), or "
    f"{_NAME_PEERING}"
)


def _single(found: Iterable[str], problem: str, what: str) -> str:
    names = list(found)
    if len(names) != 1:
        raise NoSubjectError(problem, f"{what} in collected.json")
    return names[0]
