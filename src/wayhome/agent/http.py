"""Answers GET over HTTP on one address: metrics and health, for Prometheus and the kubelet.

Written on asyncio's streams because http.server brings 3 MiB (email, mimetypes) and a thread for each client. It is
made for hostile neighbours (`serving`), and does nothing but GET and HEAD of a known path.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from wayhome.agent.serving import QUEUE, Server

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


def serve(host: str, port: int, paths: Mapping[str, Handler]) -> Server:
    """Listen in the running loop, on all addresses of a host; the empty host has all of this node's. Raises OSError."""
    # Once, at the start, and not on a thread: that would bring in an executor, and a stack.
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, address in found:
            listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(QUEUE)
    except OSError:
        for listener in listeners:
            listener.close()
        raise

    async def respond(reader: asyncio.StreamReader, _client: socket.socket) -> bytes:
        return await _answer(reader, paths)

    return Server(listeners, respond, CLIENTS)


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
