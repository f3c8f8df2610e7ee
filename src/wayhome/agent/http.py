"""Answers GET over HTTP on one address: metrics and health, for Prometheus and the kubelet.

Written on asyncio's streams because http.server brings 3 MiB (email, mimetypes) and a thread for each client. It is
made for hostile neighbours: a request is read up to 8 KiB and 5 s, at most 16 clients are served at once, every
connection is closed after its answer, and nothing but GET and HEAD of a known path is done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

REQUEST_BYTES = 8192
REQUEST_SECONDS = 5.0
CLIENTS = 16

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path says."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


Handler = Callable[[], Awaitable[Answer]]


async def serve(host: str, port: int, paths: Mapping[str, Handler]) -> asyncio.Server:
    """Listen. Raises OSError where the address cannot be had."""
    free = asyncio.Semaphore(CLIENTS)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS), free:
                writer.write(await _answer(reader, paths))
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone, or never really asked
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    return await asyncio.start_server(client, host, port, limit=REQUEST_BYTES)


async def _answer(reader: asyncio.StreamReader, paths: Mapping[str, Handler]) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return _encoded(Answer(400, "this is no HTTP request of a reasonable size\n"))
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    if method not in ("GET", "HEAD"):
        return _encoded(Answer(405, "only GET\n"))
    if path not in paths:
        return _encoded(Answer(404, f"the paths are {', '.join(paths)}\n"))
    return _encoded(await paths[path](), with_body=method == "GET")


def _encoded(answer: Answer, *, with_body: bool = True) -> bytes:
    body = answer.body.encode()
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")
