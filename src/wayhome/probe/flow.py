"""Where an attempt goes, and what it comes from.

An attempt chooses its source port or ICMP identifier itself. They count upwards and are not taken again until the
range is used up: an attempt never meets the conntrack entry of an earlier one, which would carry the translation of
an earlier policy.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.probe.observation import Address

# The kernel's default ephemeral range (ip_local_port_range): firewalls expect a client there.
FIRST, LAST = 32768, 60999

HTTP_PORT = 80
# Telnet's port: `telnet TARGET` by hand shows the greeting, the address that the target sees.
GREETING_PORT = 23


@dataclass(frozen=True, slots=True)
class Flow:
    """Where the packets of one attempt go, before any translation: the port of an echo's target is 0."""

    transport: int
    destination: Address
    port: int


def identifiers() -> Iterator[int]:
    """Fresh source ports and echo identifiers, without end."""
    span = LAST - FIRST + 1
    start = random.randrange(span)  # noqa: S311 (two probers at once should not begin alike; no secret)
    while True:
        yield FIRST + start % span
        start += 1
