"""Messages over a WebSocket (RFC 6455), on a connection that an API server has upgraded.

The frames are websockets' sans-I/O layer's: masks, fragments, limits, pings and the closing handshake are solved
there. The connection, its deadlines and its errors are ours, as for every other request. The package belongs to the
command line; agents neither have nor import it.
"""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from wayhome.kube.client import Client, Query
from wayhome.kube.errors import NonsenseError, UnreachableError
from wayhome.kube.one_line import one_line
from wayhome.kube.streams import BUFFER, reason_of

LARGEST_MESSAGE = 1 << 20
"""Bytes. What a program prints comes in pieces of at most 32 KiB."""

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocket:
    """An open one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, subprotocol: str
    ) -> None:
        self.subprotocol = subprotocol
        self._reader = reader
        self._writer = writer
        self._frames = Protocol(CLIENT, state=OPEN, max_size=LARGEST_MESSAGE)
        self._received: list[Frame] = []
        self._pieces: list[bytes] = []

    async def send(self, message: bytes) -> None:
        """Send one binary message. Raises UnreachableError."""
        try:
            self._frames.send_binary(message)
        except InvalidState as error:
            raise UnreachableError("the API server has closed the connection") from error
        await self._flush()

    async def receive(self) -> bytes | None:
        """The next message, whole; None once the other side has closed. Raises UnreachableError, NonsenseError."""
        while True:
            while self._received:
                frame = self._received.pop(0)
                if frame.opcode is Opcode.CLOSE:
                    self._raise_if_failed()
                    return None
                if frame.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                    self._pieces.append(bytes(frame.data))
                    if frame.fin:
                        message = b"".join(self._pieces)
                        self._pieces.clear()
                        return message
            await self._read()

    async def close(self) -> None:
        """Say that nothing more will come, without waiting for an answer."""
        with suppress(InvalidState, UnreachableError):
            self._frames.send_close(CloseCode.NORMAL_CLOSURE)
            await self._flush()

    def _raise_if_failed(self) -> None:
        """The other side's farewell: an error if it says that something went wrong."""
        said = self._frames.close_rcvd
        if said and said.code not in (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD):
            reason = f": {one_line(said.reason)}" if said.reason else ""
            raise UnreachableError(
                f"the API server has closed the connection ({said.code}{reason})"
            )

    async def _read(self) -> None:
        try:
            data = await self._reader.read(BUFFER)
        except OSError as error:
            raise UnreachableError(f"the connection broke: {reason_of(error)}") from error
        if not data:
            raise UnreachableError("the connection ended without a farewell")
        self._frames.receive_data(data)
        self._received += [
            event for event in self._frames.events_received() if isinstance(event, Frame)
        ]
        with suppress(UnreachableError):  # whoever has gone may have said why before
            await self._flush()
        if self._frames.parser_exc is not None and not self._received:
            said = one_line(str(self._frames.parser_exc))
            raise NonsenseError(f"what came over the WebSocket is damaged: {said}")

    async def _flush(self) -> None:
        """Send what the layer of frames has to say: messages, and answers to pings and farewells."""
        try:
            for data in filter(None, self._frames.data_to_send()):
                self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise UnreachableError(f"the connection broke: {reason_of(error)}") from error


@asynccontextmanager
async def websocket(
    client: Client, path: str, query: Query, subprotocols: Sequence[str]
) -> AsyncIterator[WebSocket]:
    """Open one that speaks one of `subprotocols`, best first. Raises KubeError."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    fields = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": ", ".join(subprotocols),
    }
    async with client.upgrade(path, query, fields) as upgraded:
        chosen = _checked(upgraded.fields, key, subprotocols)
        opened = WebSocket(upgraded.reader, upgraded.writer, chosen)
        yield opened
        await opened.close()


def _checked(fields: Mapping[str, str], key: str, subprotocols: Sequence[str]) -> str:
    """The subprotocol that was chosen. Something between us and the API server may answer 101 without having understood."""
    digest = hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()
    if (
        fields.get("upgrade", "").lower() != "websocket"
        or fields.get("sec-websocket-accept", "") != base64.b64encode(digest).decode()
    ):
        raise NonsenseError("the answer to a WebSocket's handshake is none")
    chosen = fields.get("sec-websocket-protocol", "")
    if chosen not in subprotocols:
        raise NonsenseError(
            f"the API server speaks none of {', '.join(subprotocols)} for this; it is older than Kubernetes 1.6, or "
            "something stands before it"
        )
    return chosen
