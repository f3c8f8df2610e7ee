"""What an API server refuses of the content of an object.

Source: pkg/apis/core/validation/validation.go (ConfigMap) and events.go, pkg/apis/coordination/validation, pkg/apis/rbac/validation of
Kubernetes; MicroTime's and Time's UnmarshalJSON in k8s.io/apimachinery.
"""

import re
from datetime import datetime

from tests.kube.api_server.failure import bad_request, invalid
from tests.kube.api_server.kinds import (
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    EVENT,
    LEASE,
    ROLE_BINDING,
    Key,
    Kind,
    Object,
)

_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_LARGEST_CONFIG_MAP = 1024 * 1024
_MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[-+]\d\d:\d\d)")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)")


def validate(item: Object, kind: Kind, key: Key) -> None:
    """Raises Failure 400 or 422."""
    _annotations(item)
    if kind is CONFIG_MAP:
        _configmap(item, key[1])
    elif kind is LEASE:
        _lease(item, key[1])
    elif kind is EVENT:
        _event(item, key)
    elif kind in (ROLE_BINDING, CLUSTER_ROLE_BINDING):
        _binding(item, kind, key[1])


def _annotations(item: Object) -> None:
    for kind in ("annotations", "labels"):
        found = item.get("metadata", {}).get(kind) or {}
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise bad_request(f"json: cannot unmarshal into Go struct field ObjectMeta.{kind}")


def _configmap(item: Object, name: str) -> None:
    data = item.get("data") or {}
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        raise bad_request(
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal into Go struct field '
            "ConfigMap.data of type string"
        )
    for key in data:
        if not _DATA_KEY.fullmatch(key):
            raise invalid(
                "ConfigMap", name, f"data[{key}]: Invalid value: a valid config key must …"
            )
    if sum(len(key) + len(text) for key, text in data.items()) > _LARGEST_CONFIG_MAP:
        raise invalid("ConfigMap", name, "[]: Too long: may not be more than 1048576 bytes")


def _lease(item: Object, name: str) -> None:
    spec = item.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and (type(seconds) is not int or seconds <= 0):
        raise invalid(
            "Lease", name, "spec.leaseDurationSeconds: Invalid value: must be greater than 0"
        )
    if "renewTime" in spec:
        _time(spec["renewTime"], _MICRO)
    if spec.get("holderIdentity") == "":
        raise invalid("Lease", name, "spec.holderIdentity: Invalid value: must not be empty")


def _binding(item: Object, kind: Kind, name: str) -> None:
    reference = item.get("roleRef") or {}
    if not reference.get("name"):
        raise invalid(kind.kind, name, "roleRef.name: Required value")
    kinds = ("Role", "ClusterRole") if kind is ROLE_BINDING else ("ClusterRole",)
    if reference.get("kind") not in kinds:
        raise invalid(
            kind.kind, name, f"roleRef.kind: Unsupported value: {reference.get('kind')!r}"
        )


def _event(item: Object, key: Key) -> None:
    namespace, name = key
    about = item.get("involvedObject") or {}
    if about.get("namespace", "") != namespace:
        raise invalid("Event", name, "involvedObject.namespace: does not match event.namespace")
    if len(item.get("message", "")) > 1024:
        raise invalid("Event", name, "message: can have at most 1024 characters")
    if item.get("eventTime"):
        _time(item["eventTime"], _MICRO)
    for moment in ("firstTimestamp", "lastTimestamp"):
        if item.get(moment):
            _time(item[moment], _TIME)


def _time(text: object, pattern: "re.Pattern[str]") -> None:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise bad_request(f"parsing time {text!r}: cannot parse")
    datetime.fromisoformat(text)
