"""Answers clients on sockets, one question each, so that none of them can take anything from the agent.

A question is read up to QUESTION_BYTES and for as long as SECONDS, and every connection is closed after its answer. At
most a given number of clients are accepted at once; further ones wait in the kernel's queue, where they cost this
process nothing. asyncio's own server accepts whoever comes, until no descriptor is left to read the configuration with
or to start a program.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

QUESTION_BYTES = 8192
SECONDS = 5.0
QUEUE = 128
PAUSE_SECONDS = 1.0
"""After a client that could not be accepted: no descriptor is left."""

Respond = Callable[[asyncio.StreamReader, socket.socket], Awaitable[bytes]]
"""The answer to what a client asks; empty for none. The socket is to be looked at only."""


class Server:
    """Listens in the running loop, until it is closed."""

    def __init__(self, listeners: Sequence[socket.socket], respond: Respond, clients: int) -> None:
        """`listeners` listen already, and belong to the server from here on. `clients`: at once."""
        self.listeners = listeners
        self._respond = respond
        self._free = asyncio.Semaphore(clients)
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
            task.add_done_callback(partial(self._forget, client))

    def _forget(self, client: socket.socket, task: "asyncio.Task[None]") -> None:
        """Its socket too: a task that is cancelled before its first step has not taken care of it."""
        self._tasks.discard(task)
        client.close()

    async def _serve(self, client: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=client, limit=QUESTION_BYTES)
            try:
                async with asyncio.timeout(SECONDS):
                    writer.write(await self._respond(reader, client))
                    await writer.drain()
            finally:
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone, or never really asked
        finally:
            self._free.release()
