"""The server: connections, and the way of a request through it.

recorded -> spoiled, if a fault waits for it -> who asks (401) -> may they (403) -> answered

It runs on the event loop that `connected` is called on; `listen` gives it a port.
"""

import asyncio
import json
import ssl
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

from tests.kube.api_server.accounts import SUBRESOURCE as TOKEN
from tests.kube.api_server.accounts import Accounts, impersonated
from tests.kube.api_server.calls import Call
from tests.kube.api_server.containers import Containers
from tests.kube.api_server.control import PREFIX, controlled
from tests.kube.api_server.discovery import discovered
from tests.kube.api_server.execs import SUBRESOURCE as EXEC
from tests.kube.api_server.execs import Execs
from tests.kube.api_server.failure import Failure, expired, not_found, unknown_path
from tests.kube.api_server.faults import Action, Fault, Faults
from tests.kube.api_server.kinds import DEFINITION, KINDS, NAMESPACE, Kind, Object
from tests.kube.api_server.kubelet import Kubelet
from tests.kube.api_server.lists import Lists
from tests.kube.api_server.rbac import stored_rules
from tests.kube.api_server.request import Asked, Request, asked
from tests.kube.api_server.reviews import OWN, REVIEWS, reviewed
from tests.kube.api_server.rights import ANONYMOUS, Rights
from tests.kube.api_server.store import Store
from tests.kube.api_server.watches import Watch, error_event, line
from tests.kube.api_server.wire import Answer, read_request
from tests.kube.api_server.writes import Writes

NAMESPACES = ("default", "kube-node-lease", "kube-system")


class Hung(Exception):  # noqa: N818  # not an error: the connection is to be left as it is
    """Nothing more is to be said on this connection, and it stays open."""


class ApiServer:
    """One of them. `bookmark_seconds`: how often watches get bookmarks; None: never."""

    def __init__(self, *, window: int = 1000, bookmark_seconds: float | None = 60.0) -> None:
        self.store = Store(window)
        self.lists = Lists(self.store)
        self.writes = Writes(self.store)
        self.containers = Containers()
        self.kubelet = Kubelet(self.store, self.containers)
        self.execs = Execs(self.store, self.containers)
        self.rights = Rights(partial(stored_rules, self.store))
        self.accounts = Accounts(self.store, self.rights)
        self.faults = Faults()
        self.calls: list[Call] = []
        self.watches: dict[Watch, asyncio.StreamWriter] = {}
        self.bookmark_seconds = bookmark_seconds
        self._muted: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        for name in NAMESPACES:
            self.ensure_namespace(name)

    def ensure_namespace(self, name: str) -> None:
        """Namespaces exist without controllers that fill them."""
        if self.store.get(NAMESPACE, ("", name)) is None:
            body = json.dumps({"metadata": {"name": name}}).encode()
            request = Request("POST", "/api/v1/namespaces", {}, {}, body)
            self.writes.create(Asked("create", NAMESPACE, "", "", ""), request)

    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> asyncio.Server:
        """Listen on a port; 0: any that is free."""
        return await asyncio.start_server(
            self.connected, host, port, ssl=tls, limit=1 << 20, backlog=4096
        )

    def break_watches(self) -> None:
        """Reset the connections of all watches."""
        for writer in tuple(self.watches.values()):
            writer.transport.abort()

    def end_watches(self) -> None:
        """End all watches properly, as a server does that shuts down."""
        for watch in tuple(self.watches):
            watch.end()

    def expire_watches(self) -> None:
        """Tell all watches that their version is gone."""
        for watch in tuple(self.watches):
            watch.feed(error_event(expired(1, self.store.version)))
            watch.end()

    def mute_watches(self) -> None:
        """Nothing comes on the watches that there are now, and their connections stay open."""
        self._muted.update(self.watches.values())
        self.end_watches()

    async def close(self) -> None:
        """End all connections, and all programs."""
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self.kubelet.close()
        await self.containers.close()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while request := await read_request(reader):
                await self._serve(request, reader, writer)
                if writer.is_closing() or request.fields.get("connection", "").lower() == "close":
                    break
        except (OSError, Hung):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if request.path.startswith(PREFIX):
            await self._control(request, Answer(writer))
            return
        found = discovered(request.path, self._served())
        if isinstance(found, str):
            await Answer(writer).send(200, found.encode(), "text/plain; charset=utf-8")
            return
        if found is not None:
            await Answer(writer).send_json(200, found)
            return
        try:
            wanted = asked(request)
            if wanted.kind not in self._served():
                raise unknown_path()
        except Failure as failure:
            await Answer(writer).send_json(failure.code, failure.status)
            return
        now = asyncio.get_running_loop().time()
        call = Call.of(now, ANONYMOUS, wanted, request.query.get("resourceVersion", ""))
        self.calls.append(call)
        fault = self.faults.take(wanted)
        slow = fault.seconds if fault and fault.action is Action.SLOW else None
        answer = Answer(writer, slow)
        if fault and await self._spoil(fault, call, answer, reader, writer):
            return
        try:
            call.user = impersonated(self.rights, self.rights.user_of(request), request)
            if wanted.kind not in OWN:
                self.rights.check(call.user, wanted)
            if wanted.subresource == EXEC:
                # From 1.35 on, a WebSocket, whose request is a GET, takes the right to create besides.
                self.rights.check_without_a_reason(call.user, replace(wanted, verb="create"))
                await self.execs.serve(wanted, request, reader, writer)
                call.code = 101
                return
            if wanted.verb == "watch":
                watch = Watch(self.store, wanted, request, self.bookmark_seconds)
                call.code = 200
                await self._watch(watch, fault, answer, reader, writer)
                return
            if wanted.kind in REVIEWS:
                code, item = 201, reviewed(self.rights, call.user, wanted, request)
            else:
                code, item = self._answer(wanted, request)
            call.code = code
            if fault and fault.action is Action.LOST:
                writer.transport.abort()
                return
            await answer.send_json(code, item)
        except Failure as failure:
            call.code = failure.code
            await answer.send_json(failure.code, failure.status, failure.retry_after)

    def _served(self) -> tuple[Kind, ...]:
        """The kinds of the API, and those of the definitions that are there."""
        return tuple(
            kind
            for kind in KINDS
            if not kind.custom or self.store.get(DEFINITION, ("", kind.qualified))
        )

    async def _control(self, request: Request, answer: Answer) -> None:
        try:
            body, code = json.dumps(controlled(self, request)), 200
        except (KeyError, TypeError, ValueError) as error:
            body, code = json.dumps({"error": repr(error)}), 400
        await answer.send(code, body.encode())

    def _answer(self, wanted: Asked, request: Request) -> tuple[int, Object]:
        if wanted.verb == "list":
            return 200, self.lists.answer(wanted, request)
        if wanted.verb == "get":
            item = self.store.get(wanted.kind, (wanted.namespace, wanted.name))
            if item is None:
                raise not_found(wanted.kind, wanted.name)
            return 200, item
        if wanted.subresource == TOKEN:
            return 201, self.accounts.token(wanted, request)
        if wanted.verb == "create":
            return 201, self.writes.create(wanted, request)
        if wanted.verb == "delete":
            return 200, self.writes.delete(wanted, request)
        there = self.store.get(wanted.kind, (wanted.namespace, wanted.name)) is not None
        item = getattr(self.writes, wanted.verb)(wanted, request)
        return (200 if there else 201), item

    async def _spoil(
        self,
        fault: Fault,
        call: Call,
        answer: Answer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Do what the fault says to the whole request. Returns whether that was all."""
        if fault.action is Action.ANSWER:
            call.code = fault.code
            if fault.code == 429:  # said before the request is looked at, hence not as a Status
                text = b"Too many requests, please try again later.\n"
                await answer.send(429, text, "text/plain; charset=utf-8", fault.retry_after)
            else:
                reasons = {401: "Unauthorized", 403: "Forbidden", 409: "Conflict", 410: "Expired"}
                reason = reasons.get(fault.code, "InternalError")
                failure = Failure(fault.code, reason, f"{reason}: as the test has asked")
                await answer.send_json(fault.code, failure.status, fault.retry_after)
        elif fault.action is Action.CLOSE:
            writer.transport.abort()
        elif fault.action is Action.SILENCE:
            await _until_gone(reader)
        elif fault.action is Action.NONSENSE and call.verb != "watch":
            await answer.send(200, b"<html>sign in to the network</html>", "text/html")
        else:
            return False
        return True

    async def _watch(
        self,
        watch: Watch,
        fault: Fault | None,
        answer: Answer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        await answer.begin()
        action = fault.action if fault else None
        if action is Action.MUTE:
            await _until_gone(reader)
        if action is Action.EXPIRED:
            await answer.chunk(line(error_event(expired(1, self.store.version))))
        if action is Action.NONSENSE:
            await answer.chunk(b"no event\n")
        if action is Action.CUT:
            writer.write(b'40\r\n{"type":"MODIFIED","obj')
            await writer.drain()
            writer.transport.abort()
            return
        if action in (Action.EMPTY, Action.EXPIRED, Action.NONSENSE):
            await answer.chunk(b"")
            return
        self.watches[watch] = writer
        gone = asyncio.ensure_future(reader.read(1))
        sending = asyncio.ensure_future(self._send(watch, answer, writer))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
            if writer in self._muted:
                await asyncio.wait((gone,))
            elif sending.done():
                await sending
        finally:
            del self.watches[watch]
            self._muted.discard(writer)
            for each in (gone, sending):
                each.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)
        raise Hung

    async def _send(self, watch: Watch, answer: Answer, writer: asyncio.StreamWriter) -> None:
        async with aclosing(watch.lines()) as lines:
            async for text in lines:
                if writer in self._muted:
                    return
                await answer.chunk(text)
        if writer not in self._muted:
            await answer.chunk(b"")


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Say nothing until the client goes."""
    with suppress(OSError):
        while await reader.read(4096):
            pass
    raise Hung
