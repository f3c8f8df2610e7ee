"""What a file's name says about its content: used only where the content says nothing, as with `[]`.

People name a file by the command that wrote it: `routers.json`, `source-vpn-tunnels.json`, `kubectl-pods.json`. Routes
of a peering have their direction in their path (`subjects`).
"""

import posixpath
import re

from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.project import ServiceProjects
from wayhome.clouds.read.kinds import TYPES, WITHOUT_SUBJECT
from wayhome.clouds.resource import Resource

_WORDS: dict[str, type[Resource]] = {}
for _type in TYPES:
    if _type not in WITHOUT_SUBJECT:
        _WORDS[_type.COLLECTION.lower()] = _type
        # vpnTunnels: vpn-tunnels, as in the command's name
        _WORDS[re.sub(r"([A-Z])", r"-\1", _type.COLLECTION).lower()] = _type
_WORDS |= {
    "subnets": _WORDS["subnetworks"],
    "firewall-rules": _WORDS["firewalls"],
    "network-policies": _WORDS["networkpolicies"],
    "config-maps": _WORDS["configmaps"],
    "daemon-sets": _WORDS["daemonsets"],
    "effective-firewalls": EffectiveFirewalls,
    "service-projects": ServiceProjects,
    "associated-projects": ServiceProjects,
    # kubectl's short names
    "cm": _WORDS["configmaps"],
    "ds": _WORDS["daemonsets"],
    "netpol": _WORDS["networkpolicies"],
    "ns": _WORDS["namespaces"],
    "svc": _WORDS["services"],
}


def kind_by_name(file: str) -> type[Resource] | None:
    """The longest word that the name begins or ends with, apart from other words of it."""
    if {word.upper() for word in re.split(r"[/._ ]+", file)} & {"INCOMING", "OUTGOING"}:
        return PeeringRoutes
    stem = re.sub(r"[ _.]", "-", posixpath.splitext(posixpath.basename(file))[0].lower())
    fitting = [
        word
        for word in _WORDS
        if stem == word or stem.endswith(f"-{word}") or stem.startswith(f"{word}-")
    ]
    return _WORDS[max(fitting, key=len)] if fitting else None
