"""What clients such as kubectl ask first: versions, groups, resources, health.

Source: Kubernetes, "API Groups and Versioning", "Discovery API" (the unaggregated form), "Kubernetes API health endpoints".
"""

from collections.abc import Sequence

from tests.kube.api_server.kinds import Kind, Object

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"}


def discovered(path: str, kinds: Sequence[Kind]) -> Object | str | None:
    """The answer to a path of discovery; a text for health; None for any other path. `kinds`: what is served now."""
    if path in ("/healthz", "/livez", "/readyz"):
        return "ok"
    if path == "/version":
        return dict(VERSION)
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    groups = sorted({(kind.group, kind.version) for kind in kinds if kind.group})
    if path == "/apis":
        described = [_group(*group) for group in groups]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": described}
    if path == "/api/v1":
        return _resources("", "v1", kinds)
    for group, version in groups:
        if path == f"/apis/{group}":
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, version)}
        if path == f"/apis/{group}/{version}":
            return _resources(group, version, kinds)
    return None


def _group(group: str, version: str) -> Object:
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resources(group: str, version: str, kinds: Sequence[Kind]) -> Object:
    resources: list[Object] = []
    for kind in kinds:
        if (kind.group, kind.version) != (group, version):
            continue
        base = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.kind}
        resources.append(
            {**base, "name": kind.plural, "verbs": list(kind.verbs), "shortNames": list(kind.short)}
        )
        if kind.status:
            resources.append(
                {**base, "name": f"{kind.plural}/status", "verbs": ["get", "patch", "update"]}
            )
    name = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": name,
        "resources": resources,
    }
