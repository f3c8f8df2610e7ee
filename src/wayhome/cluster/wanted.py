"""What the ConfigMap wants a node to hold. Pure.

A node holds it if the digest of its text is the one of the ConfigMap's: resourceVersions count what else is changed in
the object too, such as an annotation, and that changes no kernel. Where agents unite several ConfigMaps the digest is
of all of them (`readings.digests`); there the version will do too, because another one may be a canary's on some nodes.

A node whose name stands in the annotation of a canary takes the candidate, if there is one.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wayhome.kube.canary import canary_nodes, candidate_key
from wayhome.kube.configmap import Absent, Said, Text, read_configmap
from wayhome.kube.objects import Key, Object, ObjectVersion
from wayhome.kube.status_lease import DEFAULTS, NodeStatus
from wayhome.policy.configuration import is_empty

DATA_KEY = "config"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`version` is empty where there is no ConfigMap."""

    configmap: Key
    said: Said
    version: str = ""
    digests: frozenset[str] = frozenset()
    """Any of these is right; none is where the ConfigMap holds no configuration."""
    candidates: frozenset[str] = frozenset()
    """Likewise for canaries; none is where there is no candidate."""
    canary: frozenset[str] = frozenset()

    def is_held_by(self, status: NodeStatus) -> bool:
        """Whether a node's kernel holds it, by what its agent says."""
        versioned = f"{'/'.join(self.configmap)}={self.version}"
        if self.version and versioned in status.held_version.split(","):
            return True
        return status.held_digest in self.digests_for(status.node)

    def digests_for(self, node: str) -> frozenset[str]:
        """What a node may hold."""
        return self.candidates if self.candidates and node in self.canary else self.digests

    def was_read_by(self, status: NodeStatus, versions: Iterable[str] = ()) -> bool:
        """Whether a node's agent has read this version (or one of `versions`), and not only an older one."""
        seen = status.seen_version.split(",")
        name = f"{'/'.join(self.configmap)}=" if "=" in status.seen_version else ""
        return any(f"{name}{version}" in seen for version in versions or (self.version,))


def wanted_of(
    configmap: Key, item: Object | None, data_key: str, digests: Callable[[Said], frozenset[str]]
) -> Wanted:
    """From the object; None where there is none. `digests`: of what agents hold who are told this."""
    said = read_configmap(configmap, item, data_key)
    if item is None:
        return Wanted(configmap, said, digests=digests(said))
    return Wanted(
        configmap,
        said,
        ObjectVersion.of(item).version,
        digests(said),
        digests(read_configmap(configmap, item, candidate_key(data_key))),
        canary_nodes(item),
    )


def digests_of(said: Said) -> frozenset[str]:
    """As a Lease carries what its node holds; none where it is no configuration."""
    match said:
        case Absent():
            return frozenset({DEFAULTS})
        case Text(data):
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            return frozenset({digest, DEFAULTS} if is_empty(data) else {digest})
        case _:
            return frozenset()


def is_absent(wanted: Wanted) -> bool:
    """Whether upstream's defaults are wanted, because nothing is configured."""
    return isinstance(wanted.said, Absent)
