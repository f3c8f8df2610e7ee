"""An object from its JSON text. What a resource does not name is skipped, and never becomes a value."""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from wayhome.clouds.gcp.resources.load_balancing import GroupMember, InstanceGroupMembers
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoute, PeeringRoutes
from wayhome.clouds.gcp.resources.project import ServiceProject, ServiceProjects
from wayhome.clouds.kubernetes.resources.config_map import TEXT_IS_READ, ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.read.kinds import TYPES
from wayhome.clouds.resource import Part, Resource
from wayhome.clouds.values import decode_value


class _ConfigMapKeys(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    metadata: Metadata
    data: dict[str, msgspec.Raw] | None = None
    binary_data: dict[str, msgspec.Raw] | None = None


class _Items(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    items: msgspec.Raw = msgspec.Raw(b"[]")


def _decoder(kind: Any) -> Callable[[Any], Any]:
    # Not strict: what passed through other programs may say 1000.0 or "1000" for 1000.
    return msgspec.json.Decoder(kind, dec_hook=decode_value, strict=False).decode


_keys = _decoder(_ConfigMapKeys)
_text = _decoder(str)
_items = _decoder(_Items)
_peering_routes = _decoder(tuple[PeeringRoute, ...])
_members = _decoder(tuple[GroupMember, ...])
_service_projects = _decoder(tuple[ServiceProject, ...])
_resources = _decoder(ServiceProjects)


def _config_map(raw: msgspec.Raw) -> ConfigMap:
    found: _ConfigMapKeys = _keys(raw)
    read = any(part in found.metadata.name for part in TEXT_IS_READ)
    data = found.data
    return ConfigMap(
        metadata=found.metadata,
        data=None if data is None else {k: _text(v) if read else None for k, v in data.items()},
        binary_data=None if found.binary_data is None else dict.fromkeys(found.binary_data),
    )


def _listed(raw: msgspec.Raw) -> msgspec.Raw:
    """The array: the text itself, or the items of an API's list."""
    return raw if bytes(memoryview(raw)[:1]) == b"[" else cast("_Items", _items(raw)).items


def _peering(raw: msgspec.Raw) -> PeeringRoutes:
    return PeeringRoutes(
        network="", peering="", direction="", region="", routes=_peering_routes(_listed(raw))
    )


def _group(raw: msgspec.Raw) -> InstanceGroupMembers:
    return InstanceGroupMembers(members=_members(_listed(raw)))


def _sharing(raw: msgspec.Raw) -> ServiceProjects:
    if bytes(memoryview(raw)[:1]) == b"[":
        return ServiceProjects(projects=_service_projects(raw))
    return cast("ServiceProjects", _resources(raw))


_DECODERS: dict[type[Resource], Callable[[msgspec.Raw], Resource]] = {
    **{kind: _decoder(kind) for kind in TYPES},
    ConfigMap: _config_map,
    PeeringRoutes: _peering,
    InstanceGroupMembers: _group,
    ServiceProjects: _sharing,
}


def decode(kind: type[Resource], raw: msgspec.Raw) -> Resource:
    """Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError."""
    return _DECODERS[kind](raw)
