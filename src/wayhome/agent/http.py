"""Answers GET over HTTP on one address: metrics and health, for Prometheus and the kubelet.

Written on asyncio's streams because http.server brings 3 MiB (email, mimetypes) and a thread for each client. It is
made for hostile neighbours: a request is read up to 8 KiB and 5 s, every connection is closed after its answer, and
nothing but GET and HEAD of a known path is done. At most 16 clients are accepted at once; further ones wait in the
kernel's queue, where they cost this process nothing. asyncio's own server accepts whoever comes, until no descriptor is
left to read the configuration with or to start a program.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

REQUEST_BYTES = 8192
REQUEST_SECONDS = 5.0
CLIENTS = 16
QUEUE = 128
PAUSE_SECONDS = 1.0
"""After a client that could not be accepted: no descriptor is left."""

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


class Server:
    """Listens in the running loop, until it is closed."""

    def __init__(self, listeners: Sequence[socket.socket], paths: Mapping[str, Handler]) -> None:
        self.listeners = listeners
        self._paths = paths
        self._free = asyncio.Semaphore(CLIENTS)
        self._tasks = {asyncio.ensure_future(self._accept(one)) for one in listeners}

    def close(self) -> None:
        """Listen no more, and leave whoever is being answered."""
        for task in self._tasks:
            task.cancel()
        for listener in self.listeners:
            listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._free.acquire()
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError:
                self._free.release()
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            task = asyncio.ensure_future(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=client, limit=REQUEST_BYTES)
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    writer.write(await _answer(reader, self._paths))
                    await writer.drain()
            finally:
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone, or never really asked
        finally:
            self._free.release()


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
    return Server(listeners, paths)


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
