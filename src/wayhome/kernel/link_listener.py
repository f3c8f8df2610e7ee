"""Noticing that interfaces come and go, as they do with Pods, at next to no cost.

Routes tell more, but on a node that speaks BGP they change all the time. What has happened is not read: a report only
means to look. So the buffer is as small as the kernel allows, and its overrun (ENOBUFS) says all there is to know.

Source: rtnetlink(7), RTNLGRP_LINK.
"""

import errno
import socket

from wayhome.kernel.backend import KernelError
from wayhome.kernel.routes import NETLINK_ROUTE

RTNLGRP_LINK = 1


class LinkListener:
    """Hears of the interfaces of the calling thread's network namespace. Raises KernelError where it may not."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            NETLINK_ROUTE,
        )
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the least there is
            self._socket.bind((0, 1 << (RTNLGRP_LINK - 1)))
        except OSError as error:
            self._socket.close()
            raise KernelError(f"interfaces cannot be listened to: {error.strerror}") from error

    def fileno(self) -> int:
        """For select and event loops: readable when there is something to `drain`."""
        return self._socket.fileno()

    def drain(self) -> None:
        """Take what was reported so far."""
        while True:
            try:
                self._socket.recv(64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
