"""What namespaces, objects and a ConfigMap's keys may be called. Pure.

Source: Kubernetes, "Object Names and IDs": RFC 1123's label and subdomain; "ConfigMaps".
"""

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def is_namespace(text: str) -> bool:
    """Whether it is a label."""
    return len(text) <= 63 and re.fullmatch(_LABEL, text) is not None


def is_name(text: str) -> bool:
    """Whether it is a subdomain, as the names of ConfigMaps, Pods and nodes are."""
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether a ConfigMap may have such a key: what becomes a file beside kubelet's own, which begin with two dots."""
    fits = re.fullmatch("[-._a-zA-Z0-9]{1,253}", text) is not None
    return fits and text != "." and not text.startswith("..")
