"""Messages with descriptors between two processes of one user, over a stream socket that nobody else has.

Both ends run the same code, and no program in a lab inherits the socket, so that messages can be pickled.
"""

import pickle
import socket
import struct
from collections.abc import Sequence

MOST_DESCRIPTORS = 4
_length = struct.Struct("=Q")


class ChannelClosedError(Exception):
    """The other end is gone, or this one is closed."""


class Channel:
    """One end."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors stay open here. Raises ChannelClosedError."""
        if self.fileno() < 0:
            raise ChannelClosedError
        body = pickle.dumps(message)
        try:
            socket.send_fds(self._socket, [_length.pack(len(body))], descriptors)
            self._socket.sendall(body)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChannelClosedError from error

    def receive(self) -> tuple[object, list[int]]:
        """The next message, and its descriptors, which no program inherits. Raises ChannelClosedError."""
        try:
            header, descriptors, _, _ = socket.recv_fds(
                self._socket, _length.size, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
            body = self._exactly(*_length.unpack(header)) if header else b""
        except ConnectionResetError as error:
            raise ChannelClosedError from error
        if not body:
            raise ChannelClosedError
        return pickle.loads(body), list(descriptors)  # noqa: S301 (our own process at the other end)

    def _exactly(self, size: int) -> bytes:
        body = bytearray()
        while len(body) < size:
            part = self._socket.recv(size - len(body))
            if not part:
                raise ChannelClosedError
            body += part
        return bytes(body)

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def close(self) -> None:
        """Tell the other end that nothing more comes."""
        self._socket.close()
