"""Files that every packet analyzer reads: libpcap's classic format, Ethernet frames, nanoseconds.

Source: the pcap file format (draft-ietf-opsawg-pcap).
"""

import struct
from typing import BinaryIO

MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
LONGEST_PACKET = 262_144


class PcapWriter:
    """Writes frames to a file; each is complete in the file when `write` returns."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin the file."""
        self._file = file
        header = (MAGIC_NANOSECONDS, 2, 4, 0, 0, LONGEST_PACKET, LINKTYPE_ETHERNET)
        file.write(struct.pack("=IHHiIII", *header))
        file.flush()

    def write(self, frame: bytes, nanoseconds: int) -> None:
        """Append one frame, seen at a time since the epoch."""
        second, rest = divmod(nanoseconds, 1_000_000_000)
        kept = frame[:LONGEST_PACKET]
        self._file.write(struct.pack("=IIII", second, rest, len(kept), len(frame)) + kept)
        self._file.flush()
