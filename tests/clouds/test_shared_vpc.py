"""Addresses in the subnetworks of a host project: its service projects have some, and may not have been exported."""

from typing import Any

from tests.clouds.google import (
    Object,
    default_route,
    firewall,
    full_network,
    google,
    instance,
    network,
    subnet,
)

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.gcp.resources.project import Project, ServiceProjects
from wayhome.clouds.resource import Resource
from wayhome.network import Address, Flow, Protocol, Verdict
from wayhome.trace import Trace, trace


def ask(*objects: Object, missing: tuple[type[Resource], ...] = ()) -> Trace:
    """From an instance of the host to an address that nothing exported has."""
    estate = google(
        network("host/n"),
        subnet("host/n", "10.1.0.0/16"),
        default_route("host/n"),
        instance("host/n", "one", "10.1.0.2"),
        firewall("host/n", "open", allowed="all", sourceRanges=["0.0.0.0/0"]),
        *objects,
        missing=missing,
    )
    flow = Flow(Address.parse("10.1.0.2"), Address.parse("10.1.0.77"), Protocol.TCP, 80)
    return trace(compile_estate(estate), flow, "projects/host/zones/r1-a/instances/one")


def host(status: str = "HOST") -> Object:
    return "projects/host", {"xpnProjectStatus": status}


def services(*projects: str) -> Object:
    listed = [{"id": name, "type": "PROJECT"} for name in projects]
    return "projects/host/service-projects", {"resources": listed}


def of_service(name: str, address: str = "10.1.0.9") -> Object:
    """An instance of a service project in the host's network."""
    full, fields = instance(f"{name}/n", "vm", address)
    interface: dict[str, Any] = fields["networkInterfaces"][0]
    return full, fields | {"networkInterfaces": [interface | {"network": full_network("host/n")}]}


def undetermined(answer: Trace, command: str) -> None:
    assert answer.verdict is Verdict.UNDETERMINED
    assert answer.missing[0].command == command
    assert answer.likely is Verdict.UNREACHABLE
    assert answer.unless


def test_a_project_that_is_no_host_has_no_other_addresses() -> None:
    answer = ask(host("UNSPECIFIED_XPN_PROJECT_STATUS"))
    assert answer.verdict is Verdict.UNREACHABLE
    assert answer.drop is not None
    assert answer.drop.cause == "UNKNOWN_INTERNAL_ADDRESS"


def test_whether_it_is_a_host_was_not_exported() -> None:
    undetermined(
        ask(missing=(Project,)), "gcloud compute project-info describe --project=host --format=json"
    )


def test_a_host_whose_service_projects_are_not_known() -> None:
    words = "gcloud compute shared-vpc associated-projects list host --format=json"
    undetermined(ask(host(), missing=(ServiceProjects,)), words)
    # An instance of another project in the network shows that it is one.
    undetermined(ask(of_service("web"), missing=(Project, ServiceProjects)), words)


def test_a_service_project_that_was_not_exported() -> None:
    words = "gcloud compute instances list --project=web --format=json"
    undetermined(ask(host(), services("web")), words)


def test_all_service_projects_were_exported() -> None:
    answer = ask(host(), services("web"), of_service("web"))
    assert answer.verdict is Verdict.UNREACHABLE
    found = ask(host(), services("web"), of_service("web", "10.1.0.77"))
    assert found.verdict is Verdict.REACHABLE
