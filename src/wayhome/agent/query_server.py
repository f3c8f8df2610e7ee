"""A unix socket on which the agent says what it knows. Nothing can be changed through it.

One line of JSON with the name of a query comes in, one JSON document goes out. Only root and the agent's own user are
answered: the socket's mode says so, and who has connected is asked of the kernel besides (SO_PEERCRED), because a
folder's owner may change modes. An answer is made from what is in memory; what takes time, or looks into the kernel, is
done by the process that asks (`query`).
"""

import asyncio
import json
import os
import socket
import stat
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from wayhome.agent.serving import QUEUE, Server

QUERY_SOCKET = Path("/run/wayhome/query")
CLIENTS = 4

Document = dict[str, object]
Queries = Mapping[str, Callable[[], Document]]

_ucred = struct.Struct("=iII")


def serve(path: Path, queries: Queries) -> Server:
    """Listen in the running loop. Raises OSError, with EADDRINUSE where another agent answers there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _bind(listener, path)
        listener.listen(QUEUE)
    except OSError:
        listener.close()
        raise

    async def respond(reader: asyncio.StreamReader, client: socket.socket) -> bytes:
        if not _is_trusted(client):
            return b""
        return json.dumps(await _answer(reader, queries)).encode() + b"\n"

    return Server((listener,), respond, CLIENTS)


async def _answer(reader: asyncio.StreamReader, queries: Queries) -> Document:
    try:
        asked = json.loads(await reader.readuntil(b"\n"))
        name = asked["query"]
        return {"schema": 1, **queries[name]()}
    except (
        asyncio.IncompleteReadError,
        asyncio.LimitOverrunError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ):
        names = ", ".join(queries)
        return {"schema": 1, "error": f'that is no query; write {{"query": NAME}} with one of {names}'}  # fmt: skip


def _bind(listener: socket.socket, path: Path) -> None:
    """With the mode from the first moment on. A socket that an earlier agent has left behind is taken away."""
    before = os.umask(0o177)
    try:
        try:
            listener.bind(str(path))
        except OSError:
            if not _is_left_behind(path):
                raise
            path.unlink()
            listener.bind(str(path))
    finally:
        os.umask(before)


def _is_left_behind(path: Path) -> bool:
    """Whether there is a socket on which nobody answers."""
    with suppress(OSError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as caller:
            return caller.connect_ex(str(path)) != 0
    return False


def _is_trusted(client: socket.socket) -> bool:
    found = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _ucred.size)
    return _ucred.unpack(found)[1] in (0, os.geteuid())
