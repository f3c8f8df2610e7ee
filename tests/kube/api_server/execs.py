"""`pods/exec` over a WebSocket, as kube-apiserver serves it: v5.channel.k8s.io, and on request v4 alone.

After the handshake an empty message on the channel of standard output says that the connection is there; then what the
program prints, then a Status on the channel of errors, then the farewell. What cannot be run is such a Status too: by
then the answer of HTTP has been given.

Source: package documentation of k8s.io/apimachinery, pkg/util/httpstream/wsstream and pkg/util/remotecommand; KEP 4006.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

from tests.kube.api_server.containers import Containers, NoSuchProgramError
from tests.kube.api_server.failure import Failure, bad_request, not_found
from tests.kube.api_server.kinds import POD, Key, Object
from tests.kube.api_server.request import Asked, Request
from tests.kube.api_server.store import Store
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

SUBRESOURCE = "exec"
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
SUCCESS: Object = {"metadata": {}, "status": "Success"}


class Execs:
    """`spoken`: the subprotocols. An API server before 1.30 has v4 alone."""

    def __init__(self, store: Store, containers: Containers) -> None:
        self._store = store
        self._containers = containers
        self.spoken: tuple[str, ...] = (V5, V4)

    async def serve(
        self,
        asked: Asked,
        request: Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Run what is asked for, to its end. Raises Failure before the handshake."""
        pod = (asked.namespace, asked.name)
        container = self._container(pod, request)
        subprotocol = self._subprotocol(request)
        writer.write(_switching(request.fields["sec-websocket-key"], subprotocol))
        channels = _Channels(writer)
        await channels.send(STDOUT, b"")
        await channels.send(
            ERROR, json.dumps(await self._run(pod, container, request, reader, channels)).encode()
        )
        await channels.close(reader)

    def _container(self, pod: Key, request: Request) -> str:
        item = self._store.get(POD, pod)
        if item is None:
            raise not_found(POD, pod[1])
        spec = item.get("spec") or {}
        names = [each["name"] for each in spec.get("containers") or []]
        others = [each["name"] for each in spec.get("ephemeralContainers") or []]
        wanted = request.query.get("container") or (names[0] if len(names) == 1 else "")
        if wanted not in (*names, *others):
            raise bad_request(f"container {wanted} is not valid for pod {pod[1]}")
        if not spec.get("nodeName"):
            raise bad_request(f"pod {pod[1]} does not have a host assigned")
        return wanted

    def _subprotocol(self, request: Request) -> str:
        fields = request.fields
        if fields.get("upgrade", "").lower() != "websocket" or "sec-websocket-key" not in fields:
            raise bad_request("Upgrade request required")
        asked = [each.strip() for each in fields.get("sec-websocket-protocol", "").split(",")]
        for spoken in self.spoken:
            if spoken in asked:
                return spoken
        raise Failure(403, "Forbidden", f"unable to negotiate: none of {asked}")

    async def _run(
        self,
        pod: Key,
        container: str,
        request: Request,
        reader: asyncio.StreamReader,
        channels: "_Channels",
    ) -> Object:
        """Returns the Status."""
        if not self._runs(pod, container):
            return _internal(f'unable to upgrade connection: container not found ("{container}")')
        with_stdin = request.flag("stdin")
        try:
            process = await self._containers.start(pod, request.all("command"), with_stdin=with_stdin)  # fmt: skip
        except NoSuchProgramError as error:
            return _internal(str(error))
        reading = asyncio.ensure_future(_feed(process, reader, channels))
        try:
            async with asyncio.TaskGroup() as group:
                for channel, pipe in ((STDOUT, process.stdout), (STDERR, process.stderr)):
                    assert pipe
                    group.create_task(_pass_on(pipe, channel, channels))
            code = await process.wait()
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            await self._containers.end(process)
        return SUCCESS if code == 0 else _failed(code if code > 0 else 128 - code)

    def _runs(self, pod: Key, container: str) -> bool:
        status = (self._store.get(POD, pod) or {}).get("status") or {}
        lists = ("containerStatuses", "ephemeralContainerStatuses")
        statuses = [each for name in lists for each in status.get(name) or []]
        found = next((each for each in statuses if each["name"] == container), None)
        return found is not None and "running" in found["state"]


class _Channels:
    """The server's end of the WebSocket."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._frames = Protocol(SERVER, state=OPEN)
        self._writer = writer

    async def send(self, channel: int, data: bytes) -> None:
        self._frames.send_binary(bytes([channel]) + data)
        await self._flush()

    async def received(self, reader: asyncio.StreamReader) -> list[bytes]:
        """Some messages; none at the end. They come whole from our client."""
        while data := await reader.read(1 << 16):
            self._frames.receive_data(data)
            await self._flush()
            if messages := list(_messages(self._frames.events_received())):
                return messages
        return []

    async def close(self, reader: asyncio.StreamReader) -> None:
        """Say farewell, and let the client close, as kube-apiserver does from 1.36 on."""
        self._frames.send_close(1000)
        await self._flush()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(5):
                while await reader.read(1 << 16):
                    pass
        self._writer.close()

    async def _flush(self) -> None:
        for data in filter(None, self._frames.data_to_send()):
            self._writer.write(data)
        await self._writer.drain()


def _messages(events: Sequence[object]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
            yield bytes(event.data)


async def _feed(
    process: asyncio.subprocess.Process, reader: asyncio.StreamReader, channels: _Channels
) -> None:
    """Give the program what comes for it; a client that goes takes the program with it."""
    with suppress(OSError):
        while messages := await channels.received(reader):
            for message in messages:
                with suppress(OSError):  # a program may end, or close it, and not have read it
                    await _give(process, message)
    with suppress(ProcessLookupError):
        process.kill()


async def _give(process: asyncio.subprocess.Process, message: bytes) -> None:
    if message[:1] == bytes([STDIN]) and process.stdin:
        process.stdin.write(message[1:])
        await process.stdin.drain()
    elif message == bytes([CLOSE, STDIN]) and process.stdin:
        process.stdin.close()


async def _pass_on(pipe: asyncio.StreamReader, channel: int, channels: _Channels) -> None:
    while data := await pipe.read(1 << 15):
        await channels.send(channel, data)


def _switching(key: str, subprotocol: str) -> bytes:
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"
        f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
    ).encode()


def _internal(message: str) -> Object:
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }


def _failed(code: int) -> Object:
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
