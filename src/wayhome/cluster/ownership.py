"""Who keeps `data.config`, and so would put an old text back or refuse a new one. Pure.

Two kinds of evidence: managedFields, where the API server writes down who set a field last, and the labels and
annotations by which tools mark what they keep. A tool's mark counts even where somebody else wrote the field last,
because the tool will write it again.

A person's kubectl is told apart from a controller: a person can be overruled if whoever runs this says so, and will
not come back by himself. What is not known is taken for a program, which may.

Source: Kubernetes, "Server-Side Apply" (managedFields); Argo CD, "Resource Tracking"; Flux, "Kustomization" and
"HelmRelease" (ownership labels); Helm, "Labels and Annotations"; Config Sync and kube-addon-manager, their READMEs.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.kube.objects import Object, metadata
from wayhome.kube.one_line import one_line

MANAGER = "wayhome"


class Hand(enum.Enum):
    """What kind of writer somebody is."""

    OURS = "wayhome"
    PERSON = "a person"
    CONTROLLER = "a tool that writes it again"
    PROGRAM = "a program"


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody, and how that shows."""

    hand: Hand
    name: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.name} ({self.evidence})"


_CONTROLLERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "argocd-server": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "Helm",
    "helm3": "Helm",
    "kube-addon-manager": "the cloud's addon manager",
    "configsync": "Config Sync",
    "fleetagent": "Rancher Fleet",
    "kapp-server": "kapp",
    "terraform": "Terraform",
    "hashicorp": "Terraform",
    "pulumi-kubernetes": "Pulumi",
}
_PERSONS = ("kubectl", "k9s", "lens", "openlens", "headlamp", "mozilla", "dashboard")
"""What managers begin with where a person types: kubectl-create, kubectl-edit, …; Mozilla is a cloud's console."""

_MARKS = (
    ("annotations", "argocd.argoproj.io/tracking-id", None, "Argo CD"),
    ("labels", "argocd.argoproj.io/instance", None, "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", None, "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", None, "Flux"),
    ("labels", "app.kubernetes.io/managed-by", "Helm", "Helm"),
    ("annotations", "meta.helm.sh/release-name", None, "Helm"),
    ("labels", "addonmanager.kubernetes.io/mode", "Reconcile", "the cloud's addon manager"),
    ("annotations", "configmanagement.gke.io/managed", "enabled", "Config Sync"),
    ("annotations", "objectset.rio.cattle.io/id", None, "Rancher Fleet"),
    ("annotations", "kapp.k14s.io/identity", None, "kapp"),
)


def owners(item: Object, data_key: str) -> tuple[Owner, ...]:
    """All but us, those first that write again by themselves; a tool once, by its mark if it has one."""
    found = {owner.name: owner for owner in (*_managers(item, data_key), *_marks(item))}
    order = (Hand.CONTROLLER, Hand.PROGRAM, Hand.PERSON)
    others = [owner for owner in found.values() if owner.hand is not Hand.OURS]
    return tuple(sorted(others, key=lambda owner: order.index(owner.hand)))


def declared(item: Object) -> frozenset[tuple[str, ...]]:
    """The paths that our last apply declared, such as ("data", "config")."""
    return frozenset(
        path
        for entry in _entries(item)
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply"
        for path in _paths(_mapping(entry.get("fieldsV1")))
    )


def last_writer(item: Object) -> str:
    """Who but us wrote to the object last, and when, for a sentence: times are of whole seconds, so we may tie."""
    others = [e for e in _entries(item) if e.get("manager") != MANAGER]
    entries = [(str(e.get("time", "")), str(e.get("manager", ""))) for e in others]
    time, manager = max(entries, default=("", ""))
    return f"{one_line(manager, 60)} at {one_line(time, 40)}" if manager else "somebody"


def _managers(item: Object, data_key: str) -> Iterator[Owner]:
    for entry in _entries(item):
        fields = _mapping(entry.get("fieldsV1"))
        if ("data", data_key) not in set(_paths(fields)):
            continue
        manager = one_line(str(entry.get("manager", "")), 60)
        when = one_line(str(entry.get("time", "")), 40)
        name, hand = manager, _hand(manager)
        if hand is Hand.CONTROLLER:
            name = _CONTROLLERS[manager.casefold()]
        yield Owner(hand, name, f"field manager {manager}, {entry.get('operation')} of {when}")


def _hand(manager: str) -> Hand:
    folded = manager.casefold()
    if folded == MANAGER:
        return Hand.OURS
    if folded in _CONTROLLERS:
        return Hand.CONTROLLER
    return Hand.PERSON if folded.startswith(_PERSONS) else Hand.PROGRAM


def _marks(item: Object) -> Iterator[Owner]:
    for part, key, value, name in _MARKS:
        found = _mapping(metadata(item).get(part)).get(key)
        if isinstance(found, str) and value in (None, found):
            kind = "label" if part == "labels" else "annotation"
            yield Owner(Hand.CONTROLLER, name, f"{kind} {key}: {one_line(found, 60)}")


def _entries(item: Object) -> list[Object]:
    entries = metadata(item).get("managedFields")
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def _paths(fields: Object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """FieldsV1 as paths of mapping keys; `.` is the mapping itself."""
    for name, inner in fields.items():
        if not name.startswith("f:"):
            continue
        path = (*above, name[2:])
        yield path
        yield from _paths(_mapping(inner), path)


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
