"""The full names of Google's objects."""

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.project import Project
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference

_SHORTEST = {"projects": 5, "locations": 4}
"""Parts of the shortest names: `projects/P/global/routes/N` and `locations/global/firewallPolicies/N`."""


def google_name(resource: Resource, given: str, project: str) -> str:
    """The full name, or nothing where it cannot be told.

    `given` is what an asset inventory says; `project` the one of the files around, for what names no place at all.
    """
    link = given or getattr(resource, "self_link", "")
    name = str(getattr(resource, "name", ""))
    if isinstance(resource, Project):
        return str(link or f"projects/{name}")
    if not link and name.startswith("projects/"):
        link = name
    if not _is_full(link, resource.COLLECTION):
        scope = _scope(resource) or project
        if not scope or not name:
            return ""
        link = f"{scope}/{resource.COLLECTION}/{name}"
    if isinstance(resource, Cluster):
        return located_cluster(link)
    return str(link)


def _is_full(link: str, collection: str) -> bool:
    """Whether a link names an object of that collection and its place: in a project, or `locations/global`."""
    parts = link.split("/")
    return (
        len(parts) >= _SHORTEST.get(parts[0], len(parts) + 1)
        and parts[-2] == collection
        and all(parts)
    )


def located_cluster(link: str) -> str:
    """A cluster's name: zonal ones have links of both forms, `zones/Z` and `locations/Z`."""
    head, zones, tail = link.partition("/zones/")
    return f"{head}/locations/{tail}" if zones else str(link)


def project_of(name: str) -> str:
    """`projects/P`, or `locations/global` for what belongs to none."""
    return "/".join(name.split("/", 2)[:2])


def _scope(resource: Resource) -> str:
    """The place of an object that has no link to itself."""
    for field in ("zone", "region"):
        place = getattr(resource, field, None)
        if isinstance(place, Reference) and place.project:
            return place
    if isinstance(resource, Cluster):
        groups = [group.project for group in resource.instance_group_urls if group.project]
        place = resource.location or resource.zone
        return f"{groups[0]}/locations/{place}" if groups and place else ""
    references = (getattr(resource, "network", None), *getattr(resource, "subnetworks", ())[:1])
    project = next((ref.project for ref in references if isinstance(ref, Reference)), "")
    return f"{project}/global" if project else ""
