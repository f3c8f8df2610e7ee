"""One agent on a node: an abstract unix socket, which belongs to the network namespace that the rules are in.

It ends with the process however that ends, needs no writable path, and a second agent in the same network (a second
DaemonSet by mistake, or the next version during a roll-out) finds it taken.

A second agent connects to it and waits. The holder accepts nobody: the connection lies in its queue, and the kernel
breaks it when the holder ends, also by SIGKILL. So the second one wakes at that moment and need not ask again and again.

Source: unix(7).
"""

import errno
import socket
import struct

NAME = b"\0wayhome-agent"
WAITING = 16
"""Agents that may wait; further ones have to ask again."""
_CREDENTIALS = struct.Struct("iII")  # struct ucred: process, user, group


class NodeLock:
    """Held from `try_acquire` on until the process ends or `release`."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def try_acquire(self) -> bool:
        """Take the node, if no other agent has it. Raises OSError for anything but that."""
        if self._socket is not None:
            return True
        channel = _socket()
        try:
            channel.bind(NAME)
            channel.listen(WAITING)
        except OSError as error:
            channel.close()
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        self._socket = channel
        return True

    def release(self) -> None:
        """Give the node up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Holder:
    """The agent that has the node: `fileno` is readable as soon as it has ended. Raises OSError where none is found."""

    def __init__(self) -> None:
        self._socket = _socket()
        try:
            self._socket.connect(NAME)
        except OSError:
            self._socket.close()
            raise

    @property
    def pid(self) -> int | None:
        """Its process; None where that is in a PID namespace that this process does not see, as another Pod's."""
        said = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        number: int = _CREDENTIALS.unpack(said)[0]
        return number or None

    def fileno(self) -> int:
        """For event loops."""
        return self._socket.fileno()

    def close(self) -> None:
        """Wait no longer."""
        self._socket.close()


def _socket() -> socket.socket:
    kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    return socket.socket(socket.AF_UNIX, kind)
