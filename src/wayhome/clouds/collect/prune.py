"""Keeps of an exported object what our resources name, and drops the rest before it reaches the disk.

Instances carry keys and start-up scripts in their metadata, VPN tunnels their shared secrets, Pods whatever somebody put
into their environment, DaemonSets of others tokens on their command lines. None of that is in a resource's fields, so none of it is written. What a resource does name keeps
its place and its spelling, so that a pruned file is read as the whole one would have been.
"""

from functools import lru_cache
from typing import Any

import msgspec

from wayhome.clouds.gcp.resources.load_balancing import GroupMember, InstanceGroupMembers
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoute, PeeringRoutes
from wayhome.clouds.gcp.resources.project import ServiceProject, ServiceProjects
from wayhome.clouds.kubernetes.agents import program_of
from wayhome.clouds.kubernetes.resources.config_map import TEXT_IS_READ, ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.resource import Part

KEPT = frozenset({"kind", "apiVersion", "id"})
"""What says which object it is, beside the fields."""


_MEMBERS: dict[type[Part], type[Part]] = {
    InstanceGroupMembers: GroupMember,
    PeeringRoutes: PeeringRoute,
    ServiceProjects: ServiceProject,
}
"""What a bare array consists of, where it is one resource as a whole."""


def prune(document: Any, kind: type[Part]) -> Any:
    """A document of gcloud or kubectl, which is an object, an array of them, or a list with `items`."""
    if isinstance(document, list):
        member = _MEMBERS.get(kind, kind)
        return [prune(one, member) for one in document]
    if not isinstance(document, dict):
        return None
    if "items" in document and kind not in (PeeringRoutes, InstanceGroupMembers):
        head = {key: document[key] for key in KEPT & document.keys()}
        return head | {"items": prune(document["items"], kind)}
    if kind is ConfigMap:
        document = _without_texts(document)
    if kind is DaemonSet:
        document = _without_command_lines(document)
    return _pruned(document, _info(kind))


@lru_cache(maxsize=256)
def _info(kind: type[Part]) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(kind)


def _pruned(value: Any, info: msgspec.inspect.Type) -> Any:
    match info:
        case msgspec.inspect.StructType(fields=fields) if isinstance(value, dict):
            named = {field.encode_name: field.type for field in fields}
            return {
                key: _pruned(part, named[key]) if key in named else part
                for key, part in value.items()
                if key in named or key in KEPT
            }
        case msgspec.inspect.VarTupleType(item_type=item) if isinstance(value, list):
            return [_pruned(part, item) for part in value]
        case msgspec.inspect.DictType(value_type=item) if isinstance(value, dict):
            return {str(key): _pruned(part, item) for key, part in value.items()}
        case msgspec.inspect.UnionType(types=types):
            return _of_union(value, types)
        case msgspec.inspect.NoneType():
            return None
    return value if isinstance(value, (str, int, float, bool)) else None


def _of_union(value: Any, types: tuple[msgspec.inspect.Type, ...]) -> Any:
    """Of `X | None`, X."""
    for one in types:
        if not isinstance(one, msgspec.inspect.NoneType):
            pruned = _pruned(value, one)
            if pruned is not None:
                return pruned
    return None


def _without_command_lines(daemon_set: dict[str, Any]) -> dict[str, Any]:
    """The command lines of masquerade agents alone: others have tokens and keys there."""
    match daemon_set:
        case {"spec": {"template": {"spec": {"containers": list(containers)}}}}:
            spec = daemon_set["spec"]
            pod = spec["template"]["spec"] | {
                "containers": list(map(_without_command_line, containers))
            }
            return daemon_set | {"spec": spec | {"template": spec["template"] | {"spec": pod}}}
    return daemon_set


def _without_command_line(container: Any) -> Any:
    if not isinstance(container, dict) or program_of(str(container.get("image", ""))):
        return container
    return {key: part for key, part in container.items() if key not in ("command", "args")}


def _without_texts(config_map: dict[str, Any]) -> dict[str, Any]:
    """The keys of every ConfigMap, the texts of those that configure a masquerade agent."""
    metadata = config_map.get("metadata")
    name = str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
    if any(part in name for part in TEXT_IS_READ):
        return config_map
    data = config_map.get("data")
    return {**config_map, "data": dict.fromkeys(data)} if isinstance(data, dict) else config_map
