"""Capture what passes a node, as a program: all interfaces of the network that it is started in, to a pcap file.

    python -m wayhome.lab.capture FILE [--seconds N]

It prints `capturing` once it sees packets, ends at SIGINT, SIGTERM or when the time is over, and says how many it
wrote. A node that forwards shows each packet twice: as it comes in and as it goes out, which is where a translation
shows.
"""

import argparse
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Sequence
from typing import BinaryIO

from wayhome.lab.pcap import LONGEST_PACKET, PcapWriter

CAPTURING = "capturing"
ETH_P_ALL = 0x0003
SO_TIMESTAMPNS = 35  # the socket module names it only from Python 3.14 on
# Room for a burst between two reads.
RECEIVE_BUFFER = 4 * 1024 * 1024


def open_capture() -> socket.socket:
    """A socket that sees all frames of the calling thread's network. Raises OSError."""
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    channel.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return channel


def capture(channel: socket.socket, file: BinaryIO, seconds: float | None) -> int:
    """Write frames until the time is over or a signal comes. Returns how many."""
    writer, count, ended = PcapWriter(file), 0, threading.Event()
    until = float("inf") if seconds is None else time.monotonic() + seconds
    previous = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        # A signal only sets a flag, so that the last frame is whole; it is noticed within a tenth of a second.
        while not ended.is_set() and (rest := until - time.monotonic()) > 0:
            if select.select([channel], [], [], min(rest, 0.1))[0]:
                frame, ancillary, _, _ = channel.recvmsg(LONGEST_PACKET, 256)
                writer.write(frame, _time(ancillary))
                count += 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return count


def _time(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("=qq", data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()


def main(arguments: Sequence[str] | None = None) -> int:
    """Capture in the network that this process was started in."""
    parser = argparse.ArgumentParser(prog="python -m wayhome.lab.capture", description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args(arguments)
    with open_capture() as channel, open(options.file, "wb") as file:  # noqa: PTH123
        print(CAPTURING, flush=True)  # noqa: T201 (whoever started us waits for it)
        count = capture(channel, file, options.seconds)
    print(f"{count} packets")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
