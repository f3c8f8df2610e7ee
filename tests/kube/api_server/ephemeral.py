"""The subresource `ephemeralcontainers` of Pods: containers are added, and never changed or taken away.

Source: Kubernetes, "Ephemeral Containers"; API reference, "Pod v1", "patch ephemeralcontainers"; its list is merged
by name (patchMergeKey). Messages as kube-apiserver words them.
"""

from tests.kube.api_server.failure import Failure, invalid
from tests.kube.api_server.kinds import Object

SUBRESOURCE = "ephemeralcontainers"
_DEFAULTS: Object = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
_FORBIDDEN = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources")


def with_ephemeral_containers(before: Object, wanted: Object, *, merge: bool) -> Object:
    """The Pod with what `wanted` says of them, and nothing else. `merge`: a strategic merge patch. Raises Failure."""
    name = before["metadata"]["name"]
    spec = before.get("spec") or {}
    if "kubernetes.io/config.mirror" in (before["metadata"].get("annotations") or {}):
        raise Failure(
            403, "Forbidden", f'pods "{name}" is forbidden: static pods do not support ephemeral containers'
        )  # fmt: skip
    old: dict[str, Object] = {each["name"]: each for each in spec.get("ephemeralContainers") or []}
    asked = (wanted.get("spec") or {}).get("ephemeralContainers") or []
    new = dict(old) if merge else {}
    for each in asked:
        _check(each, name, {c["name"] for c in spec.get("containers") or []})
        new[each["name"]] = {**_DEFAULTS, **new.get(each["name"], {}), **each}
    for kept, container in old.items():
        if new.get(kept) != container:
            raise invalid(
                "Pod", name, f'spec.ephemeralContainers: Forbidden: existing ephemeral containers "{kept}" may not be '
                f"{'changed' if kept in new else 'removed'}",
            )  # fmt: skip
    return {**before, "spec": {**spec, "ephemeralContainers": list(new.values())}}


def _check(container: Object, pod: str, others: set[str]) -> None:
    for required in ("name", "image"):
        if not container.get(required):
            raise invalid("Pod", pod, f"spec.ephemeralContainers[0].{required}: Required value")
    if container["name"] in others:
        raise invalid(
            "Pod", pod, f'spec.ephemeralContainers[0].name: Duplicate value: "{container["name"]}"'
        )
    for field in _FORBIDDEN:
        if container.get(field):
            raise invalid(
                "Pod", pod, f"spec.ephemeralContainers[0].{field}: Forbidden: cannot be set for an Ephemeral Container",
            )  # fmt: skip
