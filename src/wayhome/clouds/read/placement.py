"""Full names for everything that was read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.kubernetes.resources.namespace import Namespace
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.read.clusters import ClusterOfFile, Clusters
from wayhome.clouds.read.collected import Collected
from wayhome.clouds.read.findings import Findings
from wayhome.clouds.read.folders import Folders
from wayhome.clouds.read.kinds import WITHOUT_SUBJECT
from wayhome.clouds.read.loaded import Damage, Loaded
from wayhome.clouds.read.naming import google_name, located_cluster, project_of
from wayhome.clouds.read.subjects import NoSubjectError, Subjects
from wayhome.clouds.resource import Resource

R = TypeVar("R", bound=Resource)
OF_THE_CLUSTER = (Node, Namespace, EgressNatPolicy)
"""Kinds of objects that lie in no namespace."""


@dataclass(slots=True)
class Placement:
    """Names objects. `objects` have names; `projects` and `clusters` are what folders and files stand for."""

    findings: Findings
    damages: list[Damage]
    collected: Mapping[str, Collected]
    """By file."""
    objects: list[Loaded] = field(default_factory=list)
    projects: Folders = field(default_factory=Folders)
    clusters: ClusterOfFile = field(
        default_factory=lambda: ClusterOfFile({}, Folders(), frozenset())
    )

    def place(self, loaded: Iterable[Loaded]) -> None:
        """Name all of them, or say why not."""
        google, kubernetes, subjectless = [], [], []
        for one in loaded:
            if isinstance(one.resource, KubernetesObject):
                kubernetes.append(one)
            elif type(one.resource) in WITHOUT_SUBJECT:
                subjectless.append(one)
            else:
                google.append(one)
        self._google(google)
        self._subjectless(subjectless)
        self._kubernetes(kubernetes)

    def _google(self, loaded: Iterable[Loaded]) -> None:
        homeless = []
        for one in loaded:
            name = google_name(one.resource, one.name, "")
            if name:
                self._add(one, name)
                if name.startswith("projects/"):
                    self.projects.add(one.file, project_of(name))
            else:
                homeless.append(one)
        for one in homeless:
            near = self.projects.nearest(one.file)
            name = google_name(one.resource, "", min(near)) if len(near) == 1 else ""
            if name:
                self._add(one, name)
            else:
                self._refuse(
                    one,
                    "does not say which project it belongs to, and has no selfLink",
                    "export it again, unchanged, or put it into its project's folder",
                )

    def _subjectless(self, loaded: Iterable[Loaded]) -> None:
        subjects = Subjects(self._of(Network), self._of(Router), self.projects)
        for one in loaded:
            entry = self.collected.get(one.file)
            given = entry.scope if entry and entry.kind is type(one.resource) else ""
            try:
                name, resource = subjects.of(one, given)
            except NoSubjectError as error:
                self._refuse(one, str(error), error.instead)
            else:
                self._add(replace(one, resource=resource), name)

    def _kubernetes(self, loaded: list[Loaded]) -> None:
        named = {
            file: located_cluster(entry.scope.partition("/k8s/")[0])
            for file, entry in self.collected.items()
            if issubclass(entry.kind, KubernetesObject)
        }
        finder = Clusters(self._of(Cluster), self._of(Instance))
        self.clusters = finder.by_file(loaded, named)
        for one in loaded:
            if _lacks_namespace(one.resource):
                self._refuse(one, "has no metadata.namespace", "export it again, unchanged")
                continue
            given, within, _ = one.name.partition("/k8s/")
            clusters = self.clusters.of(one.file)
            if within:
                self._add(one, _kubernetes_name(one.resource, located_cluster(given)))
            elif len(clusters) == 1:
                self._add(one, _kubernetes_name(one.resource, min(clusters)))
            else:
                self._refuse(
                    one,
                    f"belongs to one of {len(clusters)} clusters, and nothing says to which",
                    "put each cluster's files into a folder gke_PROJECT_LOCATION_CLUSTER",
                )

    def _add(self, one: Loaded, name: str) -> None:
        self.objects.append(Loaded(one.resource, one.file, one.pointer, one.listing, name))

    def _refuse(self, one: Loaded, problem: str, instead: str) -> None:
        self.findings.error(one.file, one.pointer, problem, instead)
        self.damages.append(Damage(one.file, one.pointer, type(one.resource), "", problem))

    def _of(self, kind: type[R]) -> dict[str, R]:
        return {one.name: one.resource for one in self.objects if isinstance(one.resource, kind)}


def _lacks_namespace(resource: Resource) -> bool:
    return isinstance(resource, KubernetesObject) and not (
        resource.metadata.namespace or isinstance(resource, OF_THE_CLUSTER)
    )


def _kubernetes_name(resource: Resource, cluster: str) -> str:
    metadata = resource.metadata  # type: ignore[attr-defined]  # a KubernetesObject
    namespace = f"namespaces/{metadata.namespace}/" if metadata.namespace else ""
    return f"{cluster}/k8s/{namespace}{resource.COLLECTION}/{metadata.name}"
