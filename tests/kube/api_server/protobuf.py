"""What kubectl sends as protobuf since 1.32: a ConfigMap (`create configmap`), an access review (`auth can-i`).

Nothing else is read that way.

Source: Kubernetes API concepts, "Kubernetes Protobuf encoding"; generated.proto of k8s.io/api/core/v1 and
k8s.io/apimachinery (field numbers); Protocol Buffers, "Encoding".
"""

import base64
from collections.abc import Iterator

from tests.kube.api_server.kinds import Object

MAGIC = b"k8s\x00"
CONTENT_TYPE = "application/vnd.kubernetes.protobuf"

_METADATA = {1: "name", 2: "generateName", 3: "namespace", 5: "uid", 6: "resourceVersion"}
_METADATA_MAPS = {11: "labels", 12: "annotations"}


_ATTRIBUTES = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


def decoded_access_review(body: bytes) -> Object:
    """A SelfSubjectAccessReview's spec (k8s.io/api/authorization/v1/generated.proto). Raises ValueError."""
    envelope = dict(_fields(body[len(MAGIC) :]))
    spec = dict(_fields(dict(_fields(envelope.get(2, b""))).get(2, b"")))
    found = {number: text.decode() for number, text in _fields(spec[1])} if 1 in spec else None
    if found is None:
        return {"spec": {}}
    return {"spec": {"resourceAttributes": {name: found.get(at, "") for at, name in enumerate(_ATTRIBUTES, 1)}}}  # fmt: skip


def decoded_configmap(body: bytes) -> Object:
    """Raises ValueError where it is none."""
    if not body.startswith(MAGIC):
        raise ValueError("the body does not begin as Kubernetes' protobuf does")
    envelope = dict(_fields(body[len(MAGIC) :]))
    kind = dict(_fields(envelope.get(1, b"")))
    item: Object = {
        "apiVersion": kind.get(1, b"").decode(),
        "kind": kind.get(2, b"").decode(),
        "metadata": {},
    }
    for number, value in _fields(envelope.get(2, b"")):
        if number == 1:
            item["metadata"] = _metadata(value)
        elif number == 2:
            key, text = _entry(value)
            item.setdefault("data", {})[key] = text.decode()
        elif number == 3:
            key, content = _entry(value)
            item.setdefault("binaryData", {})[key] = base64.b64encode(content).decode()
    return item


def _metadata(message: bytes) -> Object:
    metadata: Object = {}
    for number, value in _fields(message):
        if number in _METADATA and value:
            metadata[_METADATA[number]] = value.decode()
        elif number in _METADATA_MAPS:
            key, text = _entry(value)
            metadata.setdefault(_METADATA_MAPS[number], {})[key] = text.decode()
    return metadata


def _entry(message: bytes) -> tuple[str, bytes]:
    fields = dict(_fields(message))
    return fields.get(1, b"").decode(), fields.get(2, b"")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field that has a length; numbers of other kinds are passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                _, at = _varint(message, at)
            case 2:
                size, at = _varint(message, at)
                yield tag >> 3, message[at : at + size]
                at += size
            case wire_type:
                raise ValueError(f"a field of wire type {wire_type}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("it ends within a number")
