"""What all objects carry: names, labels, owners."""

from typing import ClassVar

from wayhome.clouds.resource import Part, Resource


class Owner(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The controller that made an object."""

    kind: str = ""
    name: str = ""


class Metadata(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Names and labels."""

    name: str
    namespace: str = ""
    """Empty for objects of the whole cluster."""
    uid: str = ""
    labels: dict[str, str] | None = None
    owner_references: tuple[Owner, ...] | None = None
    deletion_timestamp: str | None = None


class KubernetesObject(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """An object of a cluster. Its full name is `CLUSTER/k8s/namespaces/NS/pods/P`, or `CLUSTER/k8s/nodes/N`."""

    KIND: ClassVar[str]
    COLLECTION: ClassVar[str]

    metadata: Metadata


class Requirement(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """`operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] | None = None


class LabelSelector(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """All of it must match; an empty one matches everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Requirement, ...] | None = None
