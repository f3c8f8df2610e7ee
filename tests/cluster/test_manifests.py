"""The API server takes what the chart makes, as kubectl sends it: a dry run, with all that it checks."""

from typing import Any

import pytest
from tests.cluster.admin import Admin, Object, Refused
from tests.cluster.place import Place
from tests.deploy.chart import objects
from tests.deploy.manifests import FILE_MODE, NODE_BOUND, POD_MONITOR, UPSTREAM

pytestmark = pytest.mark.kernel

VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "scope": {"scope": "pods", "backend": "auto"},
    "file-mode": FILE_MODE,
    "upstream": UPSTREAM,
    "pod-monitor": POD_MONITOR,
    "node-bound": NODE_BOUND,
}


def test_every_object_of_the_chart_is_taken(place: Place) -> None:
    served = kinds(place.admin)
    for name, values in VALUES.items():
        items = [at_home(place, item) for item in rendered(place, values)]
        taken = [i for i in items if (i["apiVersion"], i["kind"]) in served]
        unknown = {i["kind"] for i in items} - {i["kind"] for i in taken}
        # The first is a custom resource, the second is served from Kubernetes 1.30 on.
        assert unknown <= {
            "PodMonitor",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
        }
        said = dry_run(place, taken)
        lines = said.splitlines()
        assert len(lines) == len(taken), name
        assert all(line.endswith("serverside-applied (server dry run)") for line in lines), said
    assert place.admin.find(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{place.name}") is None


def test_what_is_wrong_is_not_taken(place: Place) -> None:
    """So that a dry run which takes everything is seen."""
    wrong = [at_home(place, item) for item in rendered(place, {}) if item["kind"] == "RoleBinding"]
    del wrong[0]["roleRef"]["name"]
    with pytest.raises(AssertionError, match="roleRef"):
        dry_run(place, wrong)


def dry_run(place: Place, items: list[Object]) -> str:
    """What kubectl says. Old ones ask the schemas first whether the server knows dry runs."""
    try:
        return place.apply(items, "--dry-run=server", *validation(place.admin))
    except AssertionError as failed:
        if "failed to download openapi" in str(failed):
            pytest.skip("this server serves no schemas, and this kubectl makes no dry run without")
        raise


def rendered(place: Place, values: dict[str, Any]) -> list[Object]:
    """Hooks too."""
    # A file's ConfigMap is mounted from the namespace of the Pods.
    own = f"{place.agents if values.get('mode') == 'file' else place.name}/ip-masq-agent"
    status = {"namespace": place.status, "create": False, **values.get("status", {})}
    return objects({**values, "name": place.name, "configMaps": [own], "status": status}, place.agents)  # fmt: skip


def at_home(place: Place, item: Object) -> Object:
    """None of it is in a namespace that is not the test's."""
    assert item["metadata"].get("namespace", place.name).startswith(place.name)
    return item


def kinds(admin: Admin) -> set[tuple[str, str]]:
    """All that is served, as apiVersion and kind."""
    versions = ["v1"]
    for group in admin.ask("GET", "/apis")["groups"]:
        versions += [version["groupVersion"] for version in group["versions"]]
    found = set()
    for version in versions:
        path = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        try:
            resources = admin.ask("GET", path)["resources"]
        except Refused:  # an aggregated API whose server is away
            continue
        found |= {(version, resource["kind"]) for resource in resources}
    return found


def validation(admin: Admin) -> tuple[str, ...]:
    """Kubectl checks fields by the schemas that are served; without any, it is told not to."""
    return () if admin.find("/openapi/v2") else ("--validate=false",)
