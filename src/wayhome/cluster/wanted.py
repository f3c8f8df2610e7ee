"""What the ConfigMap wants a node to hold. Pure.

A node holds it if the digest of its text is the one of the ConfigMap's: resourceVersions count what else is changed in
the object too, such as an annotation, and that changes no kernel. Where agents unite several ConfigMaps the digest is
of all of them; there the version will do too, because another one may be a canary's on some nodes.

A node whose name stands in the annotation of a canary takes the candidate, if there is one.
"""

import hashlib
from collections.abc import Iterable
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
    candidate: str = ""
    """The candidate's digest."""
    canary: frozenset[str] = frozenset()

    def is_held_by(self, status: NodeStatus) -> bool:
        """Whether a node's kernel holds it, by what its agent says."""
        versioned = f"{'/'.join(self.configmap)}={self.version}"
        if self.version and versioned in status.held_version.split(","):
            return True
        return status.held_digest in self.digests_for(status.node)

    def digests_for(self, node: str) -> frozenset[str]:
        """What a node may hold."""
        if self.candidate and node in self.canary:
            return frozenset({self.candidate})
        return self.digests

    def was_read_by(self, status: NodeStatus, versions: Iterable[str] = ()) -> bool:
        """Whether a node's agent has read this version (or one of `versions`), and not only an older one."""
        seen = status.seen_version.split(",")
        name = f"{'/'.join(self.configmap)}=" if "=" in status.seen_version else ""
        return any(f"{name}{version}" in seen for version in versions or (self.version,))


def wanted_of(configmap: Key, item: Object | None, data_key: str = DATA_KEY) -> Wanted:
    """From the object; None where there is none."""
    said = read_configmap(configmap, item, data_key)
    if item is None:
        return Wanted(configmap, said, digests=frozenset({DEFAULTS}))
    digests: frozenset[str] = frozenset()
    if isinstance(said, Text):
        digests = frozenset({digest_of(said.data), *([DEFAULTS] if is_empty(said.data) else [])})
    candidate = read_configmap(configmap, item, candidate_key(data_key))
    return Wanted(
        configmap,
        said,
        ObjectVersion.of(item).version,
        digests,
        digest_of(candidate.data) if isinstance(candidate, Text) else "",
        canary_nodes(item),
    )


def digest_of(text: bytes) -> str:
    """As a Lease carries it."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def is_absent(wanted: Wanted) -> bool:
    """Whether upstream's defaults are wanted, because nothing is configured."""
    return isinstance(wanted.said, Absent)
