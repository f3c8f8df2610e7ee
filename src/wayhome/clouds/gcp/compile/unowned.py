"""Addresses of a subnetwork that nothing exported has: nobody's, or somebody's whose export is missing.

Instances and forwarding rules have addresses: the project's own, and where it is the host project of a Shared VPC also
those of its service projects. Only if all of these were exported, an address without an owner is unused; else packets
to it end at a node of which nothing is known.

Whether a project is a host, `project-info describe` says, and an instance of another project in one of its networks
shows it. Which its service projects are, only `shared-vpc associated-projects list` says.
"""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.parts import Parts
from wayhome.clouds.gcp.derive.effective import NetworkRoutes
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.project import HOST, Project, ServiceProjects
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import project_of
from wayhome.network import Missing, Node, NodeKind, Port, Verdict

_HAVE_ADDRESSES: dict[type[Resource], str] = {
    Instance: "instances list",
    ForwardingRule: "forwarding-rules list",
}


def add_unowned(
    parts: Parts, estate: Estate, network: Located[Network], routes: NetworkRoutes
) -> None:
    """The owner of what nobody is known to own, if there may be one."""
    unread = next(_unread(estate, network), None)
    if unread is None or not routes.subnets:
        return
    words, owner = unread
    missing = Missing(
        f"which resource of {network.value.name} has the address",
        words,
        Verdict.UNREACHABLE,
        f"{owner} has the address",
    )
    name = f"{network.name}/unowned"
    parts.add(Node(name=name, kind=NodeKind.SITE, ports=(Port(name="fabric"),), opaque=missing))
    owns = tuple(dict.fromkeys(route.destination for route in routes.subnets))
    parts.attach(network.name, Port(name=name, owns=owns), name, "fabric")


def _unread(estate: Estate, network: Located[Network]) -> Iterator[tuple[str, str]]:
    """Commands whose output is missing, and who may have an address by what they print; the most telling first."""
    host = project_of(network.name)
    yield from _lists(estate, host, "something that was not exported")
    shared = any(project_of(one.name) != host for one in estate.of(Instance, network.name))
    info = estate.get(Project, host)
    if info is not None:
        shared = shared or info.value.xpn_project_status == HOST
    elif not shared and estate.knows(Project, host).state is not State.EXPORTED:
        owner = "it is shared (Shared VPC), and an instance of a service project"
        yield command("project-info describe", host), owner
    if not shared:
        return
    if estate.knows(ServiceProjects, host).state is not State.EXPORTED:
        words = f"shared-vpc associated-projects list {host.removeprefix('projects/')}"
        yield command(words, ""), "something in a service project"
    listed = estate.get(ServiceProjects, f"{host}/{ServiceProjects.COLLECTION}")
    for service in listed.value.projects if listed else ():
        if service.type == "PROJECT":
            yield from _lists(
                estate, f"projects/{service.id}", f"something in the service project {service.id}"
            )


def _lists(estate: Estate, project: str, owner: str) -> Iterator[tuple[str, str]]:
    for kind, words in _HAVE_ADDRESSES.items():
        if estate.knows(kind, project).state is not State.EXPORTED:
            yield command(words, project), owner
