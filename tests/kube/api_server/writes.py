"""Create, update, patch, apply and delete.

Source: Kubernetes API concepts; API conventions ("Concurrency Control and Consistency", "Status subresource");
RFC 7396 for merge patches. A strategic merge patch of what is served here (mappings of texts) is the same, but for
ephemeral containers.
"""

import json
import re
import time
import uuid

import yaml
from tests.kube.api_server.ephemeral import SUBRESOURCE as EPHEMERAL
from tests.kube.api_server.ephemeral import with_ephemeral_containers
from tests.kube.api_server.failure import (
    Failure,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_found,
)
from tests.kube.api_server.kinds import CONFIG_MAP, NAMESPACE, Key, Kind, Object
from tests.kube.api_server.ownership import Ownership
from tests.kube.api_server.protobuf import MAGIC, decoded_configmap
from tests.kube.api_server.request import Asked, Request
from tests.kube.api_server.store import Store
from tests.kube.api_server.validation import validate

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Writes:
    """All of them, on one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, asked: Asked, request: Request) -> Object:
        item = _decoded(request.body, asked.kind)
        metadata = _mapping(item.get("metadata"))
        name = str(metadata.get("name") or "")
        if not name and metadata.get("generateName"):
            name = f"{metadata['generateName']}{uuid.uuid4().hex[:5]}"
        if not name:
            raise invalid(
                asked.kind.kind,
                "",
                "metadata.name: Required value: name or generateName is required",
            )
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        if self._store.get(asked.kind, (asked.namespace, name)):
            raise already_exists(asked.kind, name)
        item = self._prepared(item, None, asked.kind, (asked.namespace, name))
        if asked.kind.status:
            item.pop("status", None)
        return self._finish(asked, request, item, None, name)

    def update(self, asked: Asked, request: Request) -> Object:
        before = self._existing(asked)
        item = _decoded(request.body, asked.kind)
        if asked.subresource == EPHEMERAL:
            item = with_ephemeral_containers(before, item, merge=False)
        item = self._prepared(item, before, asked.kind, (asked.namespace, asked.name))
        return self._finish(asked, request, item, before, asked.name)

    def patch(self, asked: Asked, request: Request) -> Object:
        content_type = request.fields.get("content-type", "").partition(";")[0].strip()
        if content_type == APPLY_PATCH:
            return self._apply(asked, request)
        if content_type not in (MERGE_PATCH, STRATEGIC_PATCH):
            raise Failure(
                415,
                "UnsupportedMediaType",
                f"the body of the request was in an unknown format - accepted media types include: {MERGE_PATCH}, "
                f"{STRATEGIC_PATCH}, {APPLY_PATCH}",
            )
        before = self._existing(asked)
        try:
            patch = json.loads(request.body)
        except ValueError as error:
            raise bad_request(f"error decoding patch: {error}") from None
        if not isinstance(patch, dict):
            raise bad_request("error decoding patch: json: cannot unmarshal into map")
        item = _patched(before, patch)
        if asked.subresource == EPHEMERAL:
            strategic = content_type == STRATEGIC_PATCH
            item = with_ephemeral_containers(before, patch if strategic else item, merge=strategic)
        item = self._prepared(item, before, asked.kind, (asked.namespace, asked.name))
        return self._finish(asked, request, item, before, asked.name)

    def delete(self, asked: Asked, request: Request) -> Object:
        before = self._existing(asked)
        _check_preconditions(request.body, before, asked)
        if not request.query.get("dryRun"):
            self._store.remove(asked.kind, (asked.namespace, asked.name))
        details = {
            "name": asked.name,
            "kind": asked.kind.plural,
            "uid": before["metadata"]["uid"],
        }
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }

    def _apply(self, asked: Asked, request: Request) -> Object:
        manager = request.query.get("fieldManager", "")
        if not manager:
            raise invalid(
                "PatchOptions.meta.k8s.io",
                "",
                "fieldManager: Required value: is required for apply patch",
            )
        applied = _decoded(request.body, asked.kind)
        if _mapping(applied.get("metadata")).get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        before = self._store.get(asked.kind, (asked.namespace, asked.name))
        _check_uid(_mapping(applied.get("metadata")).get("uid"), before, asked)
        ownership = Ownership(before, asked.kind.api_version)
        merged = ownership.apply(before, applied, manager, force=request.flag("force"))
        item = self._prepared(merged, before, asked.kind, (asked.namespace, asked.name))
        return self._keep(asked, request, item, before, ownership)

    def _finish(
        self, asked: Asked, request: Request, item: Object, before: Object | None, name: str
    ) -> Object:
        if before is not None and asked.kind.status:
            # Each end of the object changes its own part.
            source, target = (item, before) if asked.subresource == "status" else (before, item)
            item = {k: v for k, v in target.items() if k != "status"}
            item |= {"status": source["status"]} if "status" in source else {}
        ownership = Ownership(before, asked.kind.api_version)
        ownership.updated(before, item, request.manager, asked.subresource)
        named = Asked(asked.verb, asked.kind, asked.namespace, name, asked.subresource)
        return self._keep(named, request, item, before, ownership)

    def _keep(
        self,
        asked: Asked,
        request: Request,
        item: Object,
        before: Object | None,
        ownership: Ownership,
    ) -> Object:
        """Write it, unless it is what is there: then the version stays."""
        if before is not None and _content(item) == _content(before):
            same = Ownership(before, asked.kind.api_version).entries()
            if _without_times(ownership.entries()) == _without_times(same):
                return before
        metadata = {**item["metadata"], "managedFields": ownership.entries()}
        item = {**item, "metadata": metadata}
        if request.query.get("dryRun"):
            return item
        return self._store.put(asked.kind, (asked.namespace, asked.name), item)

    def _existing(self, asked: Asked) -> Object:
        found = self._store.get(asked.kind, (asked.namespace, asked.name))
        if found is None:
            raise not_found(asked.kind, asked.name)
        return found

    def _prepared(self, item: Object, before: Object | None, kind: Kind, key: Key) -> Object:
        """The object as it would be stored: checked, and with what only the server may say."""
        namespace, name = key
        metadata = {k: v for k, v in _mapping(item.get("metadata")).items() if v is not None}
        if metadata.get("name", name) != name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        if metadata.get("namespace", namespace) != namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if kind.namespaced and self._store.get(NAMESPACE, ("", namespace)) is None:
            raise not_found(NAMESPACE, namespace)
        if not _NAME.fullmatch(name) or len(name) > 253:
            raise invalid(
                kind.kind,
                name,
                f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must …',
            )
        wanted = metadata.get("resourceVersion")
        if before is not None and wanted and wanted != before["metadata"]["resourceVersion"]:
            raise conflict(kind, name)
        validate(item, kind, (namespace, name))
        fixed = {"name": name} | ({"namespace": namespace} if namespace else {})
        if before is None:
            fixed |= {"uid": str(uuid.uuid4()), "creationTimestamp": _now()}
        else:
            old = before["metadata"]
            fixed |= {k: old[k] for k in ("uid", "creationTimestamp", "resourceVersion")}
        kept = {k: v for k, v in item.items() if k in kind.top and v is not None}
        return {
            "kind": kind.kind,
            "apiVersion": kind.api_version,
            "metadata": {**metadata, **fixed},
            **kept,
        }


def _check_uid(uid: object, before: Object | None, asked: Asked) -> None:
    """An apply that names a uid is for that object and never makes another one."""
    if not uid or (before is not None and before["metadata"]["uid"] == uid):
        return
    found = f"the uid is {before['metadata']['uid']}" if before else "no existing object was found"
    raise Failure(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {asked.kind.qualified} "{asked.name}": uid mismatch: the provided object '
        f"specified uid {uid}, and {found}",
        {"name": asked.name, "kind": asked.kind.plural},
    )


def _check_preconditions(body: bytes, item: Object, asked: Asked) -> None:
    """DeleteOptions.preconditions: uid and resourceVersion."""
    options = _mapping(json.loads(body)) if body.lstrip().startswith(b"{") else {}
    for name, wanted in _mapping(options.get("preconditions")).items():
        found = item["metadata"].get(name)
        if wanted != found:
            raise Failure(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {asked.kind.qualified} "{asked.name}": the '
                f"{'ResourceVersion' if name == 'resourceVersion' else 'UID'} in the precondition ({wanted}) does not "
                f"match the {'ResourceVersion' if name == 'resourceVersion' else 'UID'} in record ({found}). "
                "The object might have been modified",
                {"name": asked.name, "kind": asked.kind.plural},
            )


def _decoded(body: bytes, kind: Kind) -> Object:
    try:
        if body.startswith(MAGIC) and kind is CONFIG_MAP:
            item = decoded_configmap(body)
        elif body.lstrip().startswith(b"{"):
            item = json.loads(body)
        else:
            item = yaml.safe_load(body)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding the body: {error}") from None
    if not isinstance(item, dict):
        raise bad_request("the body is no object")
    said = (item.get("apiVersion", kind.api_version), item.get("kind", kind.kind))
    if said != (kind.api_version, kind.kind):
        raise bad_request(
            f"{said[0]}, Kind={said[1]} cannot be handled as a {kind.api_version}, Kind={kind.kind}"
        )
    return item


def _patched(below: object, patch: object) -> Object:
    """RFC 7396."""
    result = dict(below) if isinstance(below, dict) else {}
    for name, value in _mapping(patch).items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _patched(result.get(name), value)
        else:
            result[name] = value
    return result


def _content(item: Object) -> Object:
    return {**item, "metadata": {**item["metadata"], "managedFields": None}}


def _without_times(entries: list[Object]) -> list[Object]:
    return [{k: v for k, v in entry.items() if k != "time"} for entry in entries]


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
