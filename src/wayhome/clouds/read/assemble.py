"""Tables out of named objects: duplicates, and what is known to be complete."""

from collections.abc import Iterable

from wayhome.clouds.estate import Dispute
from wayhome.clouds.finding import quoted_place
from wayhome.clouds.knowledge import Claim, State
from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.located import Located
from wayhome.clouds.read.findings import Findings
from wayhome.clouds.read.listing import Listing
from wayhome.clouds.read.loaded import Loaded
from wayhome.clouds.read.naming import project_of
from wayhome.clouds.resource import Resource
from wayhome.clouds.table import Table
from wayhome.network.evidence import Evidence


def scope_of(loaded: Loaded) -> str:
    """The project that an object is in, or its cluster, or its namespace in that."""
    if not isinstance(loaded.resource, KubernetesObject):
        return project_of(loaded.name)
    cluster, _, path = loaded.name.partition("/k8s/")
    parts = path.split("/")
    if parts[0] == "namespaces" and len(parts) > 2:
        return f"{cluster}/k8s/namespaces/{parts[1]}"
    return cluster


def tables(
    named: Iterable[Loaded], findings: Findings
) -> tuple[dict[type[Resource], Table[Resource]], dict[str, Dispute]]:
    """Tables of objects that have names; and by name those that two files disagree about.

    The same object in two files is one object if it is the same in both. If it is not, the exports are of two
    states, and nobody knows which one holds: the first one is kept, and whoever builds on it has to say so.
    """
    objects: dict[type[Resource], dict[str, Located[Resource]]] = {}
    disputed: dict[str, Dispute] = {}
    for loaded in named:
        of_kind = objects.setdefault(type(loaded.resource), {})
        evidence = Evidence(loaded.name, loaded.file, loaded.pointer)
        other = of_kind.setdefault(loaded.name, Located(loaded.resource, evidence))
        if other.value != loaded.resource:
            disputed.setdefault(loaded.name, Dispute(other, Located(loaded.resource, evidence)))
            findings.error(
                loaded.file,
                loaded.pointer,
                f"{quoted_place(loaded.name)} is not as in {quoted_place(other.evidence.file)}, which is used",
                "keep the newer one of the two",
            )
    return {kind: Table(of_kind) for kind, of_kind in objects.items()}, disputed


def claims_of(listing: Listing) -> list[Claim]:
    """What a list says about completeness, by the objects that are in it.

    `kubectl get pods` without `-A` lists one namespace: a list whose objects are all in one speaks for that one.
    """
    evidence = Evidence("", listing.file, listing.pointer)
    claims = [
        Claim(kind, scope, State.NOT_READABLE, f"the cloud did not list it: {why}", evidence)
        for kind in ({listing.kind} if listing.kind else listing.members)
        for scope, why in listing.refused
    ]
    if listing.partial:
        return claims
    for kind, scopes in listing.members.items():
        claims += [
            Claim(kind, scope, State.EXPORTED, "", evidence)
            for scope in _whole(kind, scopes, listing)
        ]
    if listing.kind and listing.scope:
        claims.append(Claim(listing.kind, listing.scope, State.EXPORTED, "", evidence))
    return claims


def _whole(kind: type[Resource], scopes: set[str], listing: Listing) -> set[str]:
    if issubclass(kind, KubernetesObject):
        return {scope.partition("/k8s/")[0] for scope in scopes} if len(scopes) > 1 else scopes
    return {listing.scope if listing.scope.startswith(f"{scope}/") else scope for scope in scopes}
