"""A client's way to a server on the same event loop: a socket pair for each connection, and how that is refused."""

import asyncio
import socket
from dataclasses import dataclass, field

from tests.kube.api_server.server import ApiServer

from wayhome.kube.access import Access
from wayhome.kube.credentials import ANONYMOUS, Credentials
from wayhome.kube.errors import UnreachableError
from wayhome.kube.streams import BUFFER, Streams


def access(credentials: Credentials = ANONYMOUS) -> Access:
    return Access("api.test", 443, tls=False, credentials=credentials)


@dataclass(slots=True)
class Link:
    """Its `connect` is a client's. `down`: connections are refused."""

    server: ApiServer
    down: bool = False
    opened: list[float] = field(default_factory=list)
    serving: set["asyncio.Task[None]"] = field(default_factory=set)

    async def connect(self, access: Access) -> Streams:
        self.opened.append(asyncio.get_running_loop().time())
        if self.down:
            raise UnreachableError(f"{access.url} cannot be reached: Connection refused")
        ours, theirs = socket.socketpair()
        task = asyncio.ensure_future(self._serve(theirs))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        try:
            return await asyncio.open_connection(sock=ours, limit=BUFFER)
        except asyncio.CancelledError:
            ours.close()
            raise

    async def _serve(self, theirs: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=theirs, limit=1 << 20)
        await self.server.connected(reader, writer)
