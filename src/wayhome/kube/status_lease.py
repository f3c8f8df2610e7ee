"""What one node's agent tells the cluster, and the Lease that carries it. Pure; the agents write, operators read.

A Lease costs the API server a quarter of what a patch of a Pod costs, is watched by nobody else, and can be granted in
a namespace that holds nothing else. Its name is the node's; what it says stands in annotations (the keys below, all
texts); an annotation that is absent says that this is not known.

The Node owns it, so that the garbage collector removes it with its node: agents may not delete. That is said when it is
made and never changed, because the admission plugin OwnerReferencesPermissionEnforcement lets anybody name an owner
of what he creates, and only who may delete change it.

Whoever may write Leases in that namespace may write anything into them. So what is read is checked field by field and
made printable: a field that means nothing is not known, and is named in `damaged`; a state that this version does not
know is kept as it is, because a newer agent may have written it.

When a Lease was renewed is read off managedFields, where the API server notes it by its own clock; what stands in
renewTime is the node's clock, and a dead agent on a node that is a day ahead would be believed for a day.

Source: Kubernetes API reference, "Lease v1"; API conventions, "Timestamps"; "Owners and Dependents".
"""

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from wayhome.kube.objects import Object, ObjectVersion, metadata
from wayhome.kube.one_line import one_line
from wayhome.kube.resources import LEASES, NODES
from wayhome.kube.timestamps import micro_time, parse_time

NAMESPACE = "wayhome-status"
"""Holds these Leases and nothing else, unless a flag says another."""
LABELS = {"app.kubernetes.io/managed-by": "wayhome"}
LEASE_SECONDS = 1800
"""How long what a Lease says counts without being renewed."""
RENEW_SECONDS = 600.0
DEFAULTS = "defaults"
"""The digest where a node holds upstream's defaults, which have no text."""
LONGEST_TEXT = 1024

Value = TypeVar("Value")

_PREFIX = "wayhome/"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|" + DEFAULTS)
_VERSION = re.compile(r"[!-~]{1,8192}")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_WORD = re.compile(r"[!-~]{1,100}")
_POD = re.compile(f"{_NAME.pattern}/{_NAME.pattern}")


class State(enum.StrEnum):
    """What a node does with what its source says."""

    APPLIED = "applied"
    """The kernel was seen to hold what the source says."""
    DEFAULTS = "defaults"
    """There is no configuration; the kernel holds upstream's defaults."""
    REMOVED = "removed"
    """The configuration was removed a moment ago, and still holds."""
    REJECTED = "rejected"
    """What the source says is wrong; the last good configuration or the defaults hold."""
    UNREADABLE = "unreadable"
    """It is not known what the source says."""
    KERNEL_REFUSED = "kernel-refused"
    """The kernel does not take what it shall hold, cannot be asked what it holds, or somebody keeps damaging it there."""
    SCOPE_REFUSED = "scope-refused"
    """The node's Pod ranges are not known, or wrong: its rules are for all that leaves the node."""
    PENDING = "pending"
    """The kernel was not yet seen to hold what the source says; it is on its way, or hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node. Empty texts and None: not known, or there is none."""

    node: str
    source: str = ""
    """Where its configuration comes from, such as `configmap kube-system/ip-masq-agent`."""
    held_version: str = ""
    """resourceVersion of what the kernel holds, as `versions_text` writes it; empty for the defaults."""
    held_digest: str = ""
    """`sha256:` and the SHA-256 of the text that the kernel holds, or DEFAULTS."""
    held_key: str = ""
    """The key of the ConfigMap that this text stood under."""
    applied_at: datetime | None = None
    """When the kernel came to hold it."""
    seen_version: str = ""
    """The newest resourceVersion that the agent has read, good or not."""
    state: State | str = ""
    error: str = ""
    warning: str = ""
    backend: str = ""
    scope: str = ""
    agent_version: str = ""
    pod: str = ""
    """The agent's, as NAMESPACE/NAME."""
    renewed_at: datetime | None = None
    """When it was said; by the node's clock."""
    recorded_at: datetime | None = None
    """Only of what was read: when the API server took that, by its own clock, in whole seconds."""
    lease_seconds: int = LEASE_SECONDS
    damaged: tuple[str, ...] = ()
    """Only of what was read: the fields that mean nothing."""

    @property
    def heard_at(self) -> datetime | None:
        """When it was said, by the best clock that is known: a node's may be hours off."""
        return self.recorded_at or self.renewed_at

    def is_current(self, now: datetime) -> bool:
        """Whether what it says still counts. `now`: by the API server's clock. What comes from the future does not."""
        until = timedelta(seconds=self.lease_seconds)
        return self.heard_at is not None and abs(now - self.heard_at) <= until

    def to_lease(self, namespace: str, node_uid: str = "") -> Object:
        """The Lease to create. `node_uid`: the owner's, where it is known."""
        found: dict[str, Any] = {
            "name": self.node,
            "namespace": namespace,
            "labels": LABELS,
            "annotations": {key: value for key, value in self._annotations().items() if value},
        }
        if node_uid:
            owner = {"apiVersion": NODES.api_version, "kind": "Node"}
            found["ownerReferences"] = [owner | {"name": self.node, "uid": node_uid}]
        return {
            "apiVersion": LEASES.api_version,
            "kind": "Lease",
            "metadata": found,
            "spec": self._spec(),
        }

    def to_patch(self) -> Object:
        """The merge patch that makes any Lease of this node say this and nothing older."""
        annotations = {key: value or None for key, value in self._annotations().items()}
        return {"metadata": {"labels": LABELS, "annotations": annotations}, "spec": self._spec()}

    def _annotations(self) -> dict[str, str]:
        return {
            _PREFIX + "source": one_line(self.source, LONGEST_TEXT),
            _PREFIX + "held-version": self.held_version,
            _PREFIX + "held-digest": self.held_digest,
            _PREFIX + "held-key": self.held_key,
            _PREFIX + "applied-at": micro_time(self.applied_at) if self.applied_at else "",
            _PREFIX + "seen-version": self.seen_version,
            _PREFIX + "state": str(self.state),
            _PREFIX + "error": one_line(self.error, LONGEST_TEXT),
            _PREFIX + "warning": one_line(self.warning, LONGEST_TEXT),
            _PREFIX + "backend": self.backend,
            _PREFIX + "scope": self.scope,
            _PREFIX + "agent-version": self.agent_version,
            _PREFIX + "pod": self.pod,
        }

    def _spec(self) -> Object:
        spec: Object = {
            "holderIdentity": self.pod.rpartition("/")[2] or self.node,
            "leaseDurationSeconds": self.lease_seconds,
        }
        if self.renewed_at:
            spec["renewTime"] = micro_time(self.renewed_at)
        return spec


def from_lease(lease: Object) -> NodeStatus:
    """What a Lease says. Never raises: whatever means nothing is not known."""
    annotations, spec = metadata(lease).get("annotations"), lease.get("spec")
    read = _Reader(annotations if isinstance(annotations, dict) else {})
    spec = spec if isinstance(spec, dict) else {}
    seconds = spec.get("leaseDurationSeconds")
    if type(seconds) is not int or not 0 < seconds <= 1_000_000:
        seconds = LEASE_SECONDS
    return NodeStatus(
        node=_name(metadata(lease).get("name")),
        source=read.text("source"),
        held_version=read.match("held-version", _VERSION),
        held_digest=read.match("held-digest", _DIGEST),
        held_key=read.match("held-key", _DATA_KEY),
        applied_at=read.value("applied-at", parse_time),
        seen_version=read.match("seen-version", _VERSION),
        state=_state(read.match("state", _WORD)),
        error=read.text("error"),
        warning=read.text("warning"),
        backend=read.match("backend", _WORD),
        scope=read.match("scope", _WORD),
        agent_version=read.match("agent-version", _WORD),
        pod=read.match("pod", _POD),
        renewed_at=parse_time(spec.get("renewTime")),
        recorded_at=max(filter(None, map(parse_time, _renewals(metadata(lease)))), default=None),
        lease_seconds=seconds,
        damaged=tuple(read.damaged),
    )


def versions_text(versions: Iterable[ObjectVersion]) -> str:
    """The resourceVersion of a single object; of several `NAMESPACE/NAME=VERSION,…`, sorted; empty for none."""
    each = sorted(versions)
    if len(each) == 1:
        return each[0].version
    return ",".join(f"{one.namespace}/{one.name}={one.version}" for one in each)


class _Reader:
    """Annotations of ours, and which of them mean nothing."""

    def __init__(self, annotations: Mapping[str, object]) -> None:
        self._annotations = annotations
        self.damaged: list[str] = []

    def text(self, name: str) -> str:
        return self.value(name, _printed) or ""

    def match(self, name: str, pattern: "re.Pattern[str]") -> str:
        def whole(found: object) -> str | None:
            return found if isinstance(found, str) and pattern.fullmatch(found) else None

        return self.value(name, whole) or ""

    def value(self, name: str, parse: Callable[[object], Value | None]) -> Value | None:
        found = self._annotations.get(_PREFIX + name)
        if found is None:
            return None
        value = parse(found)
        if value is None:
            self.damaged.append(name)
        return value


def _renewals(of: Object) -> Iterator[object]:
    """When the API server wrote down that somebody had changed renewTime (managedFields; every change sets the time)."""
    entries = of.get("managedFields")
    for entry in entries if isinstance(entries, list) else []:
        fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
        spec = fields.get("f:spec") if isinstance(fields, dict) else None
        if isinstance(spec, dict) and "f:renewTime" in spec:
            yield entry.get("time")


def _printed(found: object) -> str | None:
    return one_line(found, LONGEST_TEXT) if isinstance(found, str) else None


def _name(found: object) -> str:
    """The API server lets no other name pass; it is printed, so it is not trusted."""
    return one_line(found, 253) if isinstance(found, str) else ""


def _state(word: str) -> State | str:
    try:
        return State(word)
    except ValueError:
        return word
