"""Connections that a Pod opens all the time, and the sources that the world sees of them."""

import random
import socket
import subprocess
import sys
import time
from contextlib import suppress

from tests.kernel.wire import Wire

OPEN = """
import itertools, socket, sys, time
first, port = map(int, sys.argv[1:])
until = time.monotonic() + 60
for number in itertools.count():
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for other in range(50):
        channel.sendto(b"?", (f"{first}.{128 + number // 256 % 128}.{number % 256}.{other}", port))
    channel.close()
    if time.monotonic() > until:
        break
    time.sleep(0.002)
"""


class Opened:
    """Towards FIRST.128.0.0/9, one destination after another: `first` is their first byte."""

    def __init__(self, wire: Wire, first: int) -> None:
        port = 7000 + first
        with wire.ext.entered():
            self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._ear.bind(("", port))
        self._dice = random.Random(0)
        with wire.pod.entered():
            self._opening = subprocess.Popen([sys.executable, "-c", OPEN, str(first), str(port)])

    def sources(self, at_least: int) -> set[str]:
        """The sources of all that has arrived, once so many have. The socket holds some 500: ask often."""
        found: set[str] = set()
        self._ear.settimeout(10)
        for _ in range(at_least):
            found.add(self._ear.recvfrom(64)[1][0])
        self._ear.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                found.add(self._ear.recvfrom(64)[1][0])
        # They come fifty at a time: what follows shall not always fall between two such times.
        time.sleep(self._dice.random() * 0.004)
        return found

    def close(self) -> None:
        self._opening.kill()
        self._opening.wait()
        self._ear.close()
