"""Full names as people say them. The only place that shortens: everything else says names in full."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands that only say names start sooner without it
    from wayhome.network import Evidence

_FULL = re.compile(r"projects/[^\s,;:()'\"]+")
_KINDS = {
    "externalVpnGateways": "external VPN gateway",
    "firewalls": "firewall rule",
    "policies": "policy",
    "routers": "Cloud Router",
    "routerStatus": "status of router",
    "vpnGateways": "VPN gateway",
    "vpnTunnels": "VPN tunnel",
}
_IRREGULAR = {
    "networkpolicies": "NetworkPolicy",
    "configmaps": "ConfigMap",
    "daemonsets": "DaemonSet",
}


def short(name: str) -> str:
    """`network my-network of source-project`, `Pod default/my-pod`."""
    _, kubernetes, rest = name.partition("/k8s/")
    parts = (rest if kubernetes else name).split("/")
    if kubernetes:
        if parts[0] == "namespaces" and len(parts) == 4:
            return f"{_kind(parts[2]).capitalize() if parts[2] == 'pods' else _kind(parts[2])} {parts[1]}/{parts[3]}"
        return f"{_kind(parts[0])} {parts[-1]}"
    if parts[0] != "projects" or len(parts) < 4:
        return name
    if "networks" in parts[2:4] and len(parts) > 5:  # a part of a network: its way to the internet
        part = f"{_kind(parts[-2])} {parts[-1]}" if len(parts) > 6 else parts[-1]
        return f"{part} of {parts[4]} of {parts[1]}"
    if len(parts) > 6 and parts[4] == "instances":
        return f"{parts[-1]} of {parts[5]}"
    return f"{_kind(parts[-2])} {parts[-1]} of {parts[1]}"


def last(name: str) -> str:
    """The name alone, where the kind does not matter."""
    return name.rpartition("/")[2] or name


def shortened(text: str) -> str:
    """A sentence with its full names made short."""
    return _FULL.sub(lambda found: short(found[0].rstrip(".")) + "." * found[0].endswith("."), text)


def place(evidence: "Evidence") -> str:
    """The object, and where in which file it stands."""
    where = " ".join(filter(None, (evidence.file, evidence.pointer)))
    return f"{short(evidence.object)} ({where or 'not in the exports'})"


def _kind(collection: str) -> str:
    """The singular in words: `forwardingRules` is a forwarding rule."""
    if collection in _KINDS or collection in _IRREGULAR:
        return _KINDS.get(collection) or _IRREGULAR[collection]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", collection).lower()
    return words.removesuffix("s")
