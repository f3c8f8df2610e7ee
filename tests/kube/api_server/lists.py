"""Lists: which resourceVersion they are at, and their pages.

| resourceVersion | the list is at |
| --- | --- |
| none | the most recent |
| 0 | any (here: the most recent, unless the cache lags; a limit is ignored, because a cache serves it) |
| N | not older than N; 504 with the cause ResourceVersionTooLarge where N is not known yet |
| N, match Exact | exactly N; 410 where that is forgotten |

Source: Kubernetes API concepts, "Resource versions", "Retrieving large results sets in chunks".
"""

import base64
import json

from tests.kube.api_server.failure import bad_request, expired, expired_continue, too_large
from tests.kube.api_server.kinds import KINDS, Kind, Object
from tests.kube.api_server.request import Asked, Request, version_of
from tests.kube.api_server.selectors import Selector, field_selector, label_selector
from tests.kube.api_server.store import Store


class Lists:
    """Answers lists; remembers what the pages of a list in progress show."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: dict[int, tuple[Kind, list[Object]]] = {}
        self._lagging: tuple[int, dict[Kind, list[Object]]] | None = None

    def lag(self) -> None:
        """From now on, lists at version 0 come from a cache that has stopped here."""
        self._lagging = (self._store.version, {kind: self._store.all(kind) for kind in KINDS})

    def catch_up(self) -> None:
        """The cache follows again."""
        self._lagging = None

    def expire(self) -> None:
        """Forget the lists in progress: their next page is 410."""
        self._snapshots.clear()

    def answer(self, asked: Asked, request: Request) -> Object:
        limit = _limit(request)
        token = request.query.get("continue", "")
        if token:
            version, start, items = self._continued(token, asked.kind)
        else:
            version, start = self._version(asked.kind, request), 0
            items = self._store.all(asked.kind)
            if version_of(request) == 0:
                limit = 0
                if self._lagging:
                    version, items = self._lagging[0], self._lagging[1][asked.kind]
        matching = [item for item in items if matches(asked, request)(item)]
        page = matching[start : start + limit] if limit else matching[start:]
        metadata: Object = {"resourceVersion": str(version)}
        left = len(matching) - start - len(page)
        if left > 0:
            self._snapshots[version] = (asked.kind, items)
            metadata["continue"] = _token(version, start + len(page))
            if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
                metadata["remainingItemCount"] = left
        return {
            "kind": f"{asked.kind.kind}List",
            "apiVersion": asked.kind.api_version,
            "metadata": metadata,
            "items": [_without_type(item) for item in page],
        }

    def _version(self, kind: Kind, request: Request) -> int:
        wanted = version_of(request)
        current = self._store.version
        match = request.query.get("resourceVersionMatch", "")
        if match and wanted is None:
            raise bad_request(
                "resourceVersionMatch is forbidden unless resourceVersion is provided"
            )
        if wanted and wanted > current:
            raise too_large(wanted, current)
        if wanted and match == "Exact" and wanted != current:
            raise expired(wanted, self._store.oldest(kind))  # here, the past is never kept
        return current

    def _continued(self, token: str, kind: Kind) -> tuple[int, int, list[Object]]:
        try:
            decoded = json.loads(base64.urlsafe_b64decode(token))
            version, start = int(decoded["rv"]), int(decoded["start"])
        except (ValueError, KeyError, TypeError):
            raise bad_request("continue key is not valid") from None
        snapshot = self._snapshots.get(version)
        if snapshot is None or snapshot[0] != kind:
            raise expired_continue()
        return version, start, snapshot[1]


def matches(asked: Asked, request: Request) -> Selector:
    """Whether an object belongs to what is listed or watched."""
    by_field = field_selector(request.query.get("fieldSelector", ""), asked.kind)
    by_label = label_selector(request.query.get("labelSelector", ""))

    def belongs(item: Object) -> bool:
        inside = not asked.namespace or item["metadata"].get("namespace") == asked.namespace
        return inside and by_field(item) and by_label(item)

    return belongs


def _without_type(item: Object) -> Object:
    """The items of a list do not repeat its kind."""
    return {name: value for name, value in item.items() if name not in ("kind", "apiVersion")}


def _limit(request: Request) -> int:
    text = request.query.get("limit", "0") or "0"
    if not text.isdigit():
        raise bad_request(f"limit: Invalid value: {text}")
    return int(text)


def _token(version: int, start: int) -> str:
    content = {"v": "meta.k8s.io/v1", "rv": version, "start": start}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
