"""Namespaces: their labels decide what a NetworkPolicy's `namespaceSelector` matches."""

from typing import ClassVar

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject


class Namespace(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A namespace."""

    KIND: ClassVar[str] = "Namespace"
    COLLECTION: ClassVar[str] = "namespaces"
