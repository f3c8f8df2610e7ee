"""What everything that reads and writes a connection shares: its two ends, their bound, and words for their failures."""

import asyncio

from wayhome.kube.one_line import one_line

BUFFER = 64 * 1024
"""Bytes that a stream holds back; also the longest line of a response's head."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def reason_of(error: OSError) -> str:
    """What the system says; several attempts (IPv6, then IPv4) come as one text."""
    return one_line(error.strerror or str(error) or type(error).__name__)
