"""One request of HTTP/1.1 and its answer, over a connection of its own.

RFC 9112, as far as an API server and what stands before it use it: a body has a length, comes in chunks, or lasts
until the end; nothing is compressed, because we do not offer to read that. A body that ends before it should raises:
a watch that was cut off must not look like one that has ended.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.kube.errors import UnreachableError
from wayhome.kube.one_line import one_line
from wayhome.kube.streams import BUFFER, reason_of

HEAD_LINES = 200
"""Lines of a response's head."""

SWITCHING_PROTOCOLS = 101
"""The end of HTTP on this connection; only who asked for it is answered so."""

LARGEST = 64 * 1024 * 1024
"""Bytes of an answer that is read as a whole: 5,000 Leases with a history of their fields take 10 MB."""

LARGEST_LINE = 8 * 1024 * 1024
"""Bytes of an event: an object has at most 1.5 MiB in etcd, and its JSON may be escaped."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response; names of fields in lower case."""

    code: int
    fields: Mapping[str, str]


def request_text(method: str, target: str, fields: Mapping[str, str], body: bytes | None) -> bytes:
    """A request, ready to be sent. Raises ValueError where a field would break its line."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if "Connection" not in fields:
        lines.append("Connection: close")
    if any(c in line for line in lines for c in "\r\n\0"):
        raise ValueError("a line of the request holds a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Read a response's head; interim ones (1xx, but 101) are passed over. Raises UnreachableError."""
    while True:
        version, _, rest = (await _line(reader)).partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
            raise UnreachableError(f"the answer is not HTTP: {one_line(version, 60)!r}")
        fields: dict[str, str] = {}
        for _ in range(HEAD_LINES):
            line = await _line(reader)
            if not line:
                break
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        else:
            raise UnreachableError("the answer's head does not end")
        if int(code) >= 200 or int(code) == SWITCHING_PROTOCOLS:
            return Head(int(code), fields)


class Body:
    """The body of a response, piece by piece."""

    def __init__(self, reader: asyncio.StreamReader, head: Head) -> None:
        self._reader = reader
        self._chunked = "chunked" in head.fields.get("transfer-encoding", "").lower()
        length = head.fields.get("content-length")
        self._left: int | None = None  # bytes of the body, or of this chunk; None: until the end
        self._ended = False
        if self._chunked:
            self._left = 0
        elif head.code == 204:
            self._ended = True
        elif length is not None:
            self._left = _size(length, 10)

    async def read(self) -> bytes:
        """The next piece; empty at the body's proper end. Raises UnreachableError where it is cut off."""
        if self._chunked and self._left == 0 and not self._ended:
            self._left = _size(await _line(self._reader), 16)
            self._ended = self._left == 0
        if self._ended or self._left == 0:
            return b""
        piece = await self._some(BUFFER if self._left is None else min(self._left, BUFFER))
        if self._left is None:
            return piece
        if not piece:
            raise UnreachableError("the connection ended within the answer")
        self._left -= len(piece)
        if self._chunked and self._left == 0 and await _line(self._reader):
            raise UnreachableError("the answer is damaged: a chunk is longer than it says")
        return piece

    async def read_all(self, most: int = LARGEST) -> bytes:
        """All of it. Raises UnreachableError where that is more than `most` bytes."""
        pieces, size = [], 0
        while piece := await self.read():
            size += len(piece)
            if size > most:
                raise UnreachableError(f"the answer is larger than {most} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def _some(self, most: int) -> bytes:
        try:
            return await self._reader.read(most)
        except OSError as error:
            raise UnreachableError(f"the connection broke: {reason_of(error)}") from error


class Lines:
    """A body, line by line, as soon as each is whole."""

    def __init__(self, body: Body, most: int = LARGEST_LINE) -> None:
        self._body = body
        self._most = most
        self._pending = bytearray()
        self._searched = 0

    async def read(self) -> bytes:
        """The next line that is not blank; empty at the body's proper end. Raises UnreachableError."""
        while True:
            end = self._pending.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._pending[:end]).strip()
                del self._pending[: end + 1]
                self._searched = 0
                if line:
                    return line
                continue
            self._searched = len(self._pending)
            if self._searched > self._most:
                raise UnreachableError(f"an event is larger than {self._most} bytes")
            piece = await self._body.read()
            if not piece and self._pending.strip():
                raise UnreachableError("the stream ended within an event")
            if not piece:
                return b""
            self._pending += piece


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        raise UnreachableError("the connection ended within the answer") from error
    except asyncio.LimitOverrunError as error:
        raise UnreachableError("a line of the answer's head does not end") from error
    except OSError as error:
        raise UnreachableError(f"the connection broke: {reason_of(error)}") from error
    return line.decode("latin-1").rstrip("\r\n")


def _size(text: str, base: int) -> int:
    """A length or a chunk's size; a chunk's extensions are ignored."""
    digits = text.partition(";")[0].strip().lower()
    if not digits or not set(digits) <= set("0123456789abcdef"[:base]) or len(digits) > 16:
        raise UnreachableError("the answer is damaged: a length is no number")
    return int(digits, base)
