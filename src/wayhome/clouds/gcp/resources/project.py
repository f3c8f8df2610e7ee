"""Projects as Compute Engine sees them (compute#project), and who shares a host project's networks (Shared VPC).

Of a project nothing is read but whether it is a host: its metadata hold keys.
"""

from typing import ClassVar

import msgspec

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part, Resource

HOST = "HOST"


class Project(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """What `gcloud compute project-info describe` prints. Its full name is `projects/P`."""

    KIND: ClassVar[str] = "compute#project"
    COLLECTION: ClassVar[str] = "project-info"

    xpn_project_status: str = ""
    """HOST where service projects may have instances in its subnetworks; else UNSPECIFIED_XPN_PROJECT_STATUS, or absent."""


class ServiceProject(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A project that may use the host's subnetworks."""

    id: str
    type: str = "PROJECT"


class ServiceProjects(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """What `gcloud compute shared-vpc associated-projects list HOST` prints. The bare array does not name the host.

    Its full name is the host's, followed by `/service-projects`.
    """

    KIND: ClassVar[str] = "compute#projectsGetXpnResources"
    COLLECTION: ClassVar[str] = "service-projects"

    projects: tuple[ServiceProject, ...] = msgspec.field(name="resources", default=())
