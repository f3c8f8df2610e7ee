"""ConfigMaps: the keys of all, and the text of those that configure a masquerade agent.

An agent's ConfigMap that lies in the wrong namespace, or has the wrong key, is a cause that we look for; what other
programs are configured with is nobody's business here.
"""

from typing import ClassVar

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject

TEXT_IS_READ = ("masq", "wayhome")
"""Parts of the names of ConfigMaps whose text is read."""


class ConfigMap(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A ConfigMap."""

    KIND: ClassVar[str] = "ConfigMap"
    COLLECTION: ClassVar[str] = "configmaps"

    data: dict[str, str | None] | None = None
    """By key; None instead of the text where it was not read."""
    binary_data: dict[str, None] | None = None
    """The keys alone."""
