"""A way from one network into another, that can fail: TCP is taken in one and passed on from the other.

The agents of these tests have networks of their own, because their rules must not touch this machine's; an API server
is somewhere else. What passes is TLS, so nothing is read and nothing can be changed, only held back or broken off:

| call      | the connections that there are now      | later ones                       |
| --------- | --------------------------------------- | -------------------------------- |
| `cut`     | are reset                               | pass                             |
| `silence` | stay, and nothing passes: half open     | pass                             |
| `down`    | are reset                               | are reset, until `up`            |
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from wayhome.lab.namespaces import NetworkNamespace

Server = Path | tuple[str, int]
"""A Unix socket, which is reached from any network, or a host and a port of the calling thread's network."""
_CHUNK = 1 << 16


@dataclass(eq=False, slots=True)
class _Passing:
    """One connection."""

    writers: list[asyncio.StreamWriter]
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, but for a connection that is silent."""

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            await self.heard.wait()
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def passed_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    server: Server,
    passing: set[_Passing],
) -> None:
    """Pass one connection on until both sides have said all, or one is gone."""
    one = _Passing([writer])
    one.heard.set()
    passing.add(one)
    try:
        with suppress(OSError):
            there = await _connected(server)
            one.writers.append(there[1])
            await asyncio.gather(one.pump(reader, there[1]), one.pump(there[0], writer))
    finally:
        passing.discard(one)
        for each in one.writers:
            each.transport.abort()


async def _connected(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(server, Path):
        return await asyncio.open_unix_connection(server)
    return await asyncio.open_connection(*server)


class Relay:
    """Listens on 127.0.0.1 of a network, and passes on to a server of the network that it was made in."""

    def __init__(self, namespace: NetworkNamespace, server: Server) -> None:
        with namespace.entered():
            listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(listening.getsockname()[1])
        self._server = server
        self._passing: set[_Passing] = set()
        self._is_down = False
        self._loop = asyncio.new_event_loop()
        # A thread begins in the network of the one that starts it.
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listening = self._do(asyncio.start_server(self._serve, sock=listening))

    def cut(self) -> None:
        self._do(self._reset())

    def silence(self) -> None:
        self._do(self._hold())

    def down(self) -> None:
        self._is_down = True
        self.cut()

    def up(self) -> None:
        self._is_down = False

    def close(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.transport.abort()
            return
        await passed_on(reader, writer, self._server, self._passing)

    async def _reset(self) -> None:
        for one in tuple(self._passing):
            one.heard.set()
            for writer in one.writers:
                writer.transport.abort()

    async def _hold(self) -> None:
        for one in self._passing:
            one.heard.clear()

    async def _end(self) -> None:
        self._listening.close()
        await self._reset()
        mine = asyncio.current_task()
        if tasks := [task for task in asyncio.all_tasks() if task is not mine]:
            await asyncio.wait(tasks, timeout=5)

    def _do(self, asked: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(10)
