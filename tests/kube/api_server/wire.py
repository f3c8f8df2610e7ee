"""HTTP/1.1 on the server's side: requests in, answers out."""

import asyncio
import json

from tests.kube.api_server.clock import Clock
from tests.kube.api_server.kinds import Object
from tests.kube.api_server.request import Request

REASONS = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    410: "Gone",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
LARGEST_BODY = 3 * 1024 * 1024
"""As kube-apiserver takes."""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None where the client has gone, or speaks something else."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        pairs = (line.partition(":") for line in head[1:] if line)
        fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(_bounded(int(fields.get("content-length", "0"))))
        return Request.of(method, target, fields, body)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
        return None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A body of which the size was not known before (RFC 9112, 7.1): `kubectl replace --raw` sends one."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(_bounded(len(body) + size) - len(body))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return body


def _bounded(size: int) -> int:
    if not 0 <= size <= LARGEST_BODY:
        raise ValueError(f"a body of {size} bytes")
    return size


class Answer:
    """Writes one answer. `byte_seconds`: a slow one's pause between two bytes."""

    def __init__(self, writer: asyncio.StreamWriter, byte_seconds: float | None = None) -> None:
        self._writer = writer
        self._byte_seconds = byte_seconds

    async def send(
        self,
        code: int,
        body: bytes,
        content_type: str = "application/json",
        retry_after: int | None = None,
    ) -> None:
        retry = f"Retry-After: {retry_after}\r\n" if retry_after is not None else ""
        await self._write(
            self._head(code, content_type, f"{retry}Content-Length: {len(body)}\r\n") + body
        )

    async def send_json(self, code: int, item: Object, retry_after: int | None = None) -> None:
        await self.send(code, json.dumps(item).encode(), retry_after=retry_after)

    async def begin(self) -> None:
        """Begin a stream of chunks."""
        await self._write(self._head(200, "application/json", "Transfer-Encoding: chunked\r\n"))

    async def chunk(self, data: bytes) -> None:
        """One chunk; an empty one ends the stream."""
        await self._write(b"%x\r\n%s\r\n" % (len(data), data))

    def _head(self, code: int, content_type: str, more: str) -> bytes:
        reason = REASONS.get(code, "Unknown")
        head = f"HTTP/1.1 {code} {reason}\r\nContent-Type: {content_type}\r\nDate: {Clock.date()}\r\nCache-Control: no-cache, private\r\n"
        return f"{head}{more}\r\n".encode()

    async def _write(self, data: bytes) -> None:
        if self._byte_seconds is None:
            self._writer.write(data)
            await self._writer.drain()
            return
        for offset in range(len(data)):
            self._writer.write(data[offset : offset + 1])
            await self._writer.drain()
            await asyncio.sleep(self._byte_seconds)
