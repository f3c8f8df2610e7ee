"""Speaks with the API server: each verb is one request over a connection of its own.

A watch occupies its connection anyway, and the other requests of an agent are a few an hour, so that kept connections
would mostly be ones that have meanwhile died. Every request but a watch is over after REQUEST_SECONDS, however slowly
its bytes come; of a watch, only the answer's head must be there by then, and the rest is its reader's patience.

Server-side apply sends JSON: it is YAML.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from wayhome import __version__
from wayhome.kube.access import Access
from wayhome.kube.connection import Connect, connect
from wayhome.kube.errors import NonsenseError, RefusedError, UnreachableError, refusal
from wayhome.kube.events import EventStream
from wayhome.kube.http import SWITCHING_PROTOCOLS, Body, Head, Lines, read_head, request_text
from wayhome.kube.objects import Object, key_of, metadata
from wayhome.kube.resources import Resource

REQUEST_SECONDS = 30.0
LARGEST_REFUSAL = 1 << 20

Query = Mapping[str, str] | Sequence[tuple[str, str]]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Selection:
    """What to list or watch: one namespace or all, and what of it. RBAC's resourceNames need `name`."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    labels: str = ""
    node: str = ""
    """Of Pods: only those on this one."""

    @property
    def query(self) -> dict[str, str]:
        """As parameters of a URL. `metadata.name` is what RBAC takes for a name."""
        fields = {"metadata.name": self.name, "spec.nodeName": self.node}
        named = ",".join(f"{field}={value}" for field, value in fields.items() if value)
        selectors = {"fieldSelector": named, "labelSelector": self.labels}
        return {name: value for name, value in selectors.items() if value}

    @property
    def path(self) -> str:
        """The collection."""
        return self.resource.path(self.namespace)

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource.plural} {where}{self.name or '*'}"


@dataclass(frozen=True, slots=True)
class Listed:
    """The objects of a list, and the resourceVersion from which a watch goes on."""

    version: str
    items: list[Object]


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: Object | None = None
    content_type: str = "application/json"
    fields: Mapping[str, str] = field(default_factory=dict)
    good: Container[int] = range(200, 300)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A connection that speaks another protocol from here on, and the head of the answer that said so."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Answer:
    head: Head
    body: Body
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    refused: RefusedError | None


class Client:
    """One API server, asked by one identity. All methods raise errors.KubeError and nothing else."""

    def __init__(
        self, access: Access, *, connect: Connect = connect, user_agent: str = "wayhome"
    ) -> None:
        """`user_agent` is what audit logs and managedFields show."""
        self.access = access
        self._connect = connect
        self._user_agent = f"{user_agent}/{__version__}"
        self.last_date = ("", 0.0)
        """The field Date of the last answer, and when it came by this machine's clock, in seconds since the epoch."""

    async def list(self, selection: Selection, version: str = "0") -> Listed:
        """List. `version` 0: whatever a cache holds; another: not older than that; empty: the newest there is."""
        query = selection.query | ({"resourceVersion": version} if version else {})
        found = await self._ask(_Request("GET", selection.path, query))
        return Listed(str(metadata(found).get("resourceVersion") or ""), _items(found))

    async def pages(
        self, selection: Selection, size: int = 500
    ) -> AsyncIterator[tuple[Object, ...]]:
        """List the newest there is, in pages: 5,000 Nodes with their images are larger than one answer may be."""
        query = selection.query | {"limit": str(size)}
        while True:
            found = await self._ask(_Request("GET", selection.path, query))
            yield tuple(_items(found))
            following = metadata(found).get("continue")
            if not following:
                return
            query["continue"] = str(following)

    async def document(self, path: str) -> Object:
        """What discovery answers below a path, such as `/apis`."""
        return await self._ask(_Request("GET", path))

    @asynccontextmanager
    async def watch(
        self, selection: Selection, version: str, seconds: float
    ) -> AsyncIterator[EventStream]:
        """Watch from `version` on; the server is asked to end it after `seconds`."""
        query = selection.query | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(seconds))),
        }
        async with self._answer(_Request("GET", selection.path, query)) as answer:
            yield EventStream(Lines(answer.body))

    async def get(self, resource: Resource, namespace: str, name: str, version: str = "") -> Object:
        """One object. `version` as for a list."""
        query = {"resourceVersion": version} if version else {}
        return await self._ask(_Request("GET", resource.path(namespace, name), query))

    async def create(self, resource: Resource, item: Object) -> Object:
        """Make an object. One that is there already: RefusedError 409 `AlreadyExists`."""
        return await self._ask(_Request("POST", resource.path(key_of(item)[0]), body=item))

    async def replace(self, resource: Resource, item: Object) -> Object:
        """Put an object in the place of the one that has its resourceVersion; another: 409 `Conflict`."""
        return await self._ask(_Request("PUT", resource.path(*key_of(item)), body=item))

    async def merge_patch(
        self, resource: Resource, namespace: str, name: str, patch: Object, subresource: str = ""
    ) -> Object:
        """Change what `patch` names (RFC 7396; None removes)."""
        path = resource.path(namespace, name, subresource)
        return await self._ask(_Request("PATCH", path, body=patch, content_type=MERGE_PATCH))

    async def strategic_patch(
        self, resource: Resource, namespace: str, name: str, patch: Object, subresource: str = ""
    ) -> Object:
        """Change what `patch` names; its lists are merged by what their type says (containers by name)."""
        path = resource.path(namespace, name, subresource)
        return await self._ask(_Request("PATCH", path, body=patch, content_type=STRATEGIC_PATCH))

    async def apply(
        self,
        resource: Resource,
        item: Object,
        manager: str,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply as `manager`. Fields that another manager holds: 409 `Conflict`, unless `force`."""
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        path = resource.path(*key_of(item))
        return await self._ask(_Request("PATCH", path, query, item, APPLY_PATCH))

    async def delete(
        self, resource: Resource, namespace: str, name: str, version: str = ""
    ) -> None:
        """Remove an object. `version`: only if it has this resourceVersion; another: RefusedError 409."""
        body: Object | None = None
        if version:
            preconditions = {"resourceVersion": version}
            body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        await self._ask(_Request("DELETE", resource.path(namespace, name), body=body))

    @asynccontextmanager
    async def upgrade(
        self, path: str, query: Query, fields: Mapping[str, str]
    ) -> AsyncIterator[Upgraded]:
        """GET `path` and leave HTTP, as `fields` ask for it (RFC 9110, 7.8). What follows is the caller's patience."""
        good = (SWITCHING_PROTOCOLS,)
        request = _Request("GET", path, query, fields=fields, good=good)
        async with self._answer(request) as answer:
            yield Upgraded(answer.reader, answer.writer, answer.head.fields)

    async def _ask(self, request: _Request) -> Object:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                async with self._answer(request) as answer:
                    body = await answer.body.read_all()
        except TimeoutError as error:
            raise self._too_slow() from error
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NonsenseError("the answer is not JSON") from error
        if not isinstance(found, dict):
            raise NonsenseError("the answer is no object")
        return found

    @asynccontextmanager
    async def _answer(self, request: _Request) -> AsyncIterator[_Answer]:
        """A good answer. A 401 is tried again with a new token."""
        credentials = self.access.credentials
        authorization = await credentials.authorization()
        for last in (False, True):
            async with self._exchange(request, authorization) as answer:
                refused = answer.refused
                if refused is None:
                    yield answer
                    return
            if last or refused.code != 401 or not await credentials.renewed(authorization):
                raise refused
            authorization = await credentials.authorization()

    @asynccontextmanager
    async def _exchange(self, request: _Request, authorization: str) -> AsyncIterator[_Answer]:
        writer: asyncio.StreamWriter | None = None
        try:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    reader, writer = await self._connect(self.access)
                    writer.write(self._encoded(request, authorization))
                    with suppress(OSError):  # whoever does not take it may have said why before
                        await writer.drain()
                    head = await read_head(reader)
                    self.last_date = (head.fields.get("date", ""), time.time())
                    body, refused = Body(reader, head), None
                    if head.code not in request.good:
                        said = await body.read_all(LARGEST_REFUSAL)
                        refused = refusal(head.code, said, head.fields.get("retry-after"))
            except TimeoutError as error:
                raise self._too_slow() from error
            yield _Answer(head, body, reader, writer, refused)
        finally:
            if writer is not None:
                # Nothing is waited for: a peer that is silent would not take part in a farewell.
                writer.transport.abort()

    def _too_slow(self) -> UnreachableError:
        return UnreachableError(f"{self.access.url} has not answered within {REQUEST_SECONDS:g} s")

    def _encoded(self, request: _Request, authorization: str) -> bytes:
        fields = {
            "Host": self.access.authority_of_url,
            "Accept": "application/json",
            "User-Agent": self._user_agent,
            **request.fields,
        }
        if authorization:
            fields["Authorization"] = authorization
        body = None
        if request.body is not None:
            fields["Content-Type"] = request.content_type
            body = json.dumps(request.body, separators=(",", ":")).encode()
        query = f"?{urlencode(request.query)}" if request.query else ""
        return request_text(
            request.method, f"{self.access.path}{request.path}{query}", fields, body
        )


def _items(found: Object) -> list[Object]:
    items = found.get("items") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise NonsenseError("the answer is no list")
    return items
