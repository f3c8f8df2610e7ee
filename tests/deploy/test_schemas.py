"""Every object that the chart can make, against Kubernetes' own schemas: unknown fields are errors (strict)."""

from collections.abc import Iterator

import kubernetes_validate
import pytest
from tests.deploy.chart import Object, Values, objects
from tests.deploy.manifests import FILE_MODE, NODE_BOUND, POD_MONITOR, UPSTREAM

OLDEST, NEWEST = (
    "1.25.0",
    "1.37.0",
)  # Chart.yaml's kubeVersion, and the newest that the validator knows
VARIANTS: dict[str, tuple[Values, str]] = {
    "api": ({}, "wayhome"),
    "file": (FILE_MODE, "kube-system"),
    "azure": (FILE_MODE | {"args": ["--dialect=azure"]}, "kube-system"),
    "upstream": (UPSTREAM, "kube-system"),
    "pods": ({"scope": "pods", "nodes": 5000, "logFormat": "json"}, "wayhome"),
    "several": ({"configMaps": ["kube-system/a", "kube-system/b", "net/c"]}, "wayhome"),
    "private": (
        {
            "image": {"digest": "sha256:" + 64 * "0", "pullSecrets": [{"name": "s"}]},
            "uninstall": {"masqChain": "IP-MASQ-AGENT"},
        },
        "wayhome",
    ),
}


def found(variant: str) -> Iterator[Object]:
    values, namespace = VARIANTS[variant]
    yield from objects(values, namespace)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("variant", VARIANTS)
def test_objects_are_what_kubernetes_takes(variant: str, version: str) -> None:
    items = list(found(variant))
    assert len(items) >= 7
    for item in items:
        kubernetes_validate.validate(item, version, strict=True)


def test_the_policy_for_leases_is_what_kubernetes_takes() -> None:
    policies = [item for item in objects(NODE_BOUND) if "Admission" in item["kind"]]
    assert len(policies) == 2
    for item in policies:
        kubernetes_validate.validate(item, "1.30.0", strict=True)


def test_only_what_the_prometheus_operator_defines_is_not_validated() -> None:
    unknown = []
    for item in objects(POD_MONITOR):
        try:
            kubernetes_validate.validate(item, NEWEST, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.append(item["apiVersion"])
    assert unknown == ["monitoring.coreos.com/v1"]


def test_a_field_that_kubernetes_does_not_know_is_an_error() -> None:
    """The validator can fail."""
    for item in found("api"):
        if item["kind"] == "DaemonSet":
            item["spec"]["template"]["spec"]["hostNetwrok"] = True
            with pytest.raises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(item, NEWEST, strict=True)
