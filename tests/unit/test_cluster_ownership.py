"""Whose a ConfigMap is, by what API servers really write into managedFields and by the marks of tools."""

import pytest

from wayhome.cluster.ownership import Hand, declared, last_writer, owners
from wayhome.kube.objects import Object

CREATED: Object = {
    "manager": "kubectl-create",
    "operation": "Update",
    "apiVersion": "v1",
    "time": "2026-03-01T10:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {".": {}, "f:config": {}}},
}
"""As kube-apiserver has it after `kubectl create configmap`: `.` is the mapping itself."""
OURS: Object = {
    "manager": "wayhome",
    "operation": "Apply",
    "apiVersion": "v1",
    "time": "2026-03-01T11:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {"f:config": {}}, "f:metadata": {"f:annotations": {"f:wayhome/nodes": {}}}},
}  # fmt: skip


def configmap(*entries: Object, **metadata: object) -> Object:
    return {"metadata": {"managedFields": list(entries), **metadata}}


def test_a_person_who_made_it_with_kubectl() -> None:
    (owner,) = owners(configmap(CREATED), "config")
    assert (owner.hand, owner.name) == (Hand.PERSON, "kubectl-create")
    assert (
        str(owner)
        == "kubectl-create (field manager kubectl-create, Update of 2026-03-01T10:00:00Z)"
    )


def test_who_holds_another_key_is_nobody_to_us() -> None:
    other = CREATED | {"fieldsV1": {"f:data": {".": {}, "f:masq.yaml": {}}}}
    assert owners(configmap(other), "config") == ()
    labels = CREATED | {"fieldsV1": {"f:metadata": {"f:labels": {"f:config": {}}}}}
    assert owners(configmap(labels), "config") == ()


def test_we_are_no_other() -> None:
    assert owners(configmap(OURS), "config") == ()
    assert declared(configmap(OURS)) >= {("data", "config"), ("metadata", "annotations", "wayhome/nodes")}  # fmt: skip
    undone = OURS | {"operation": "Update"}  # by the command that undoes an apply
    assert owners(configmap(undone), "config") == ()
    assert ("data", "config") not in declared(configmap(undone))


@pytest.mark.parametrize(
    ("manager", "hand"),
    [
        ("kubectl-client-side-apply", Hand.PERSON),
        ("kubectl-edit", Hand.PERSON),
        ("Mozilla", Hand.PERSON),
        ("argocd-controller", Hand.CONTROLLER),
        ("kustomize-controller", Hand.CONTROLLER),
        ("Helm", Hand.CONTROLLER),
        ("Terraform", Hand.CONTROLLER),
        ("my-operator", Hand.PROGRAM),
        ("\x1b[2J", Hand.PROGRAM),
    ],
)
def test_what_kind_of_writer_a_manager_is(manager: str, hand: Hand) -> None:
    (owner,) = owners(configmap(CREATED | {"manager": manager}), "config")
    assert owner.hand is hand
    assert str(owner).isprintable()


def test_a_tools_mark_counts_more_than_who_wrote_last() -> None:
    found = owners(configmap(CREATED, labels={"kustomize.toolkit.fluxcd.io/name": "net"}), "config")
    assert [owner.hand for owner in found] == [Hand.CONTROLLER, Hand.PERSON]
    harmless = {
        "addonmanager.kubernetes.io/mode": "EnsureExists",
        "app.kubernetes.io/managed-by": "me",
    }
    assert [o.hand for o in owners(configmap(CREATED, labels=harmless), "config")] == [Hand.PERSON]


def test_the_last_writer_is_never_us() -> None:
    assert last_writer(configmap(CREATED, OURS)) == "kubectl-create at 2026-03-01T10:00:00Z"
    assert last_writer(configmap(OURS)) == "somebody"


@pytest.mark.parametrize(
    "damaged", [None, "x", ["x"], [{"fieldsV1": "x"}], [{"fieldsV1": {"f:data": 1}}]]
)
def test_fields_that_mean_nothing_are_passed_over(damaged: object) -> None:
    assert owners({"metadata": {"managedFields": damaged}}, "config") == ()
