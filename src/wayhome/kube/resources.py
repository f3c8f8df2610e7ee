"""The resources that are asked for, and their paths.

A name may come from an object that somebody else has written, such as a flag in a DaemonSet. `.` and `..` would lead
out of the collection, and percent-encoding does not change them (RFC 3986, 6.2.2.3): there is no path for them.

Source: Kubernetes API concepts, "Resource URIs"; "Object Names and IDs".
"""

from dataclasses import dataclass
from urllib.parse import quote

from wayhome.kube.errors import NameRefusedError
from wayhome.kube.one_line import one_line


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource type. `group` is empty for the core API."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of a collection, of an object in it, or of an object's subresource.

        Raises NameRefusedError for what no object is called, and what would name another object.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural, *filter(None, (name, subresource))]
        for part in parts:
            if part in {".", ".."} or "/" in part:
                raise NameRefusedError(f"{one_line(part, 253)!r} is no name of an object")
        return "/" + "/".join(quote(part, safe="") for part in parts)

    @property
    def api_version(self) -> str:
        """As objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version


CONFIG_MAPS = Resource("", "v1", "configmaps")
EVENTS = Resource("", "v1", "events")
NODES = Resource("", "v1", "nodes", namespaced=False)
PODS = Resource("", "v1", "pods")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
DAEMON_SETS = Resource("apps", "v1", "daemonsets")
EGRESS_NAT_POLICIES = Resource("networking.gke.io", "v1", "egressnatpolicies", namespaced=False)
