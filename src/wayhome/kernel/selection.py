"""Which connections are wanted: asked of the kernel as far as it can filter, and of an entry's bytes for the rest. Pure.

A node has hundreds of thousands of entries and few of them matter. Filtering in the kernel saves what a message costs,
looking at the bytes saves what an object costs. Both may let too much pass, never too little, and the entry is looked
at again when it has been read: kernels ignore filters that they do not know (that of protocols is as old as Linux 5.8, that of the status is younger).

Source: ctnetlink_alloc_filter() and ctnetlink_filter_match() in net/netfilter/nf_conntrack_netlink.c.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wayhome.kernel import attributes
from wayhome.kernel.connection import (
    CTA_PROTO_NUM,
    CTA_STATUS,
    CTA_TUPLE_ORIG,
    CTA_TUPLE_PROTO,
    Connection,
    tuple_head,
)
from wayhome.kernel.nfnetlink import NFGENMSG_SIZE
from wayhome.prefixes import Family, Intervals

CTA_FILTER = 25
CTA_FILTER_ORIG_FLAGS = 1
CTA_FILTER_REPLY_FLAGS = 2
CTA_FILTER_FLAG_PROTO_NUM = 1 << 3
IPS_SRC_NAT = 1 << 4

_u16 = struct.Struct("=H")
_native_u32 = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Selection:
    """The connections that are in all of these."""

    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    protocol: int | None = None
    translated: bool = False
    """Only connections whose source is translated."""
    destinations: Mapping[Family, Intervals] | None = None
    """The destinations after translation. The kernel has no filter for ranges."""

    def kernel_filter(self) -> bytes:
        """The attributes by which the kernel filters a dump."""
        asked = b""
        if self.translated:
            asked += attributes.u32(CTA_STATUS, IPS_SRC_NAT)
        if self.protocol is not None:
            asked += attributes.nested(
                CTA_FILTER,
                attributes.attribute(
                    CTA_FILTER_ORIG_FLAGS, _native_u32.pack(CTA_FILTER_FLAG_PROTO_NUM)
                ),
                attributes.attribute(CTA_FILTER_REPLY_FLAGS, _native_u32.pack(0)),
            )
            number = attributes.attribute(CTA_PROTO_NUM, bytes([self.protocol]))
            asked += attributes.nested(CTA_TUPLE_ORIG, attributes.nested(CTA_TUPLE_PROTO, number))
        return asked

    def may_hold(self, family: Family) -> Callable[[bytes], bool]:
        """Whether a message, from nfgenmsg on, is perhaps wanted: False only where it is certainly not."""
        if self.destinations is None:
            return lambda _: True
        size = family.bits // 8
        borders = _borders(family, self.destinations.get(family, Intervals()))
        head = tuple_head(family)

        def may_hold(body: bytes) -> bool:
            (length,) = _u16.unpack_from(body, NFGENMSG_SIZE)
            address = NFGENMSG_SIZE + ((length + 3) & ~3) + 12
            if body[address - 8 : address] != head:
                return True  # not as every kernel so far has written it: let it be read
            return bool(bisect_right(borders, body[address : address + size]) & 1)

        return may_hold

    def holds(self, connection: Connection) -> bool:
        """Whether a connection is wanted."""
        return (
            connection.family in self.families
            and self.protocol in (None, connection.protocol)
            and (connection.source_translated or not self.translated)
            and (
                self.destinations is None
                or connection.translated_destination
                in self.destinations.get(connection.family, Intervals())
            )
        )


def _borders(family: Family, intervals: Intervals) -> list[bytes]:
    """Firsts and one-past-lasts, as bytes, which sort as their numbers do: an odd number of them is up to what is inside."""
    size = family.bits // 8
    borders = []
    for first, last in intervals.spans:
        borders.append(first.to_bytes(size))
        if last != family.last:
            borders.append((last + 1).to_bytes(size))
    return borders
