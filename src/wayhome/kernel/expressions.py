"""Expressions of nf_tables as attributes: the steps of a rule, which the kernel's machine runs one after the other.

Only those that our rules are made of. Where a test needs a value it is loaded into the first register, and the next
step looks at it there. Each is written as nft 1.0.6 writes it, so that what the kernel shows afterwards is the same
to the byte, whoever wrote the rule; the tests compare both for every variant of our rules.

What the kernel computes with itself (marks, states, kinds of addresses) is in the machine's byte order, what comes
out of packets is in the network's.

Source: linux/netfilter/nf_tables.h for all numbers; nft_*.c in net/netfilter for what each expression reads.
"""

import sys

from wayhome.kernel.attributes import attribute, nested, text, u32

NFTA_LIST_ELEM = 1
NFTA_EXPR_NAME, NFTA_EXPR_DATA = 1, 2
NFTA_DATA_VALUE, NFTA_DATA_VERDICT = 1, 2
NFTA_VERDICT_CODE = 1
NFTA_IMMEDIATE_DREG, NFTA_IMMEDIATE_DATA = 1, 2
NFTA_META_DREG, NFTA_META_KEY = 1, 2
NFTA_CT_DREG, NFTA_CT_KEY = 1, 2
NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA = 1, 2, 3
NFTA_BITWISE_SREG, NFTA_BITWISE_DREG, NFTA_BITWISE_LEN = 1, 2, 3
NFTA_BITWISE_MASK, NFTA_BITWISE_XOR, NFTA_BITWISE_OP = 4, 5, 6
NFTA_BYTEORDER_SREG, NFTA_BYTEORDER_DREG, NFTA_BYTEORDER_OP = 1, 2, 3
NFTA_BYTEORDER_LEN, NFTA_BYTEORDER_SIZE = 4, 5
NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN = 1, 2, 3, 4
NFTA_LOOKUP_SET, NFTA_LOOKUP_SREG, NFTA_LOOKUP_FLAGS = 1, 2, 5
NFTA_FIB_DREG, NFTA_FIB_RESULT, NFTA_FIB_FLAGS = 1, 2, 3
NFTA_NG_DREG, NFTA_NG_MODULUS, NFTA_NG_TYPE, NFTA_NG_OFFSET = 1, 2, 3, 4
NFTA_OBJREF_IMM_TYPE, NFTA_OBJREF_IMM_NAME = 1, 2
NFTA_NAT_TYPE, NFTA_NAT_FAMILY, NFTA_NAT_REG_ADDR_MIN = 1, 2, 3
NFTA_MASQ_FLAGS, NFTA_MASQ_REG_PROTO_MIN, NFTA_MASQ_REG_PROTO_MAX = 1, 2, 3

NFT_REG_VERDICT, NFT_REG_1, NFT_REG_2 = 0, 1, 2
NFT_CONTINUE, NFT_RETURN = -1, -5
NFT_META_MARK, NFT_META_IIF, NFT_META_NFPROTO, NFT_META_L4PROTO = 3, 4, 15, 16
NFT_CT_STATE, NFT_CT_DIRECTION, NFT_CT_STATUS = 0, 1, 2
NFT_CMP_EQ, NFT_CMP_NEQ, NFT_CMP_LT, NFT_CMP_GTE = 0, 1, 2, 5
NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER = 1, 2
NFT_LOOKUP_F_INV = 1
NFT_FIB_RESULT_ADDRTYPE = 3
NFT_BITWISE_MASK_XOR = 0
NFT_BYTEORDER_HTON = 1
NFT_NG_RANDOM = 1
NFT_NAT_SNAT = 0
NF_NAT_RANGE_PROTO_SPECIFIED, NF_NAT_RANGE_PROTO_RANDOM_FULLY = 1 << 1, 1 << 4


def native(value: int) -> bytes:
    """A 32-bit number as the kernel computes with it."""
    return value.to_bytes(4, sys.byteorder)


def meta(key: int) -> bytes:
    """Load what is known of the packet without looking into it (NFT_META_*)."""
    return _expression("meta", u32(NFTA_META_KEY, key), u32(NFTA_META_DREG, NFT_REG_1))


def conntrack(key: int) -> bytes:
    """Load what is known of the connection (NFT_CT_*)."""
    return _expression("ct", u32(NFTA_CT_DREG, NFT_REG_1), u32(NFTA_CT_KEY, key))


def payload(base: int, offset: int, size: int) -> bytes:
    """Load bytes of the packet, from an offset in one of its headers (NFT_PAYLOAD_*_HEADER)."""
    return _expression(
        "payload",
        u32(NFTA_PAYLOAD_DREG, NFT_REG_1),
        u32(NFTA_PAYLOAD_BASE, base),
        u32(NFTA_PAYLOAD_OFFSET, offset),
        u32(NFTA_PAYLOAD_LEN, size),
    )


def address_type(flags: int) -> bytes:
    """Load the kind of an address in the node's own routing tables; `flags` (NFTA_FIB_F_*) say which address."""
    return _expression(
        "fib",
        u32(NFTA_FIB_DREG, NFT_REG_1),
        u32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE),
        u32(NFTA_FIB_FLAGS, flags),
    )


def random_number(modulus: int) -> bytes:
    """Load a random number below the modulus."""
    return _expression(
        "numgen",
        u32(NFTA_NG_DREG, NFT_REG_1),
        u32(NFTA_NG_MODULUS, modulus),
        u32(NFTA_NG_TYPE, NFT_NG_RANDOM),
        u32(NFTA_NG_OFFSET, 0),
    )


def to_network_order() -> bytes:
    """Turn the loaded number round, so that it can be compared by size."""
    return _expression(
        "byteorder",
        u32(NFTA_BYTEORDER_SREG, NFT_REG_1),
        u32(NFTA_BYTEORDER_DREG, NFT_REG_1),
        u32(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON),
        u32(NFTA_BYTEORDER_LEN, 4),
        u32(NFTA_BYTEORDER_SIZE, 4),
    )


def mask(bits: bytes) -> bytes:
    """Keep only these bits of what is loaded."""
    return _expression(
        "bitwise",
        u32(NFTA_BITWISE_SREG, NFT_REG_1),
        u32(NFTA_BITWISE_DREG, NFT_REG_1),
        u32(NFTA_BITWISE_LEN, len(bits)),
        u32(NFTA_BITWISE_OP, NFT_BITWISE_MASK_XOR),
        nested(NFTA_BITWISE_MASK, attribute(NFTA_DATA_VALUE, bits)),
        nested(NFTA_BITWISE_XOR, attribute(NFTA_DATA_VALUE, bytes(len(bits)))),
    )


def compare(how: int, value: bytes) -> bytes:
    """Leave the rule unless what is loaded compares so (NFT_CMP_*), byte by byte from the first."""
    return _expression(
        "cmp",
        u32(NFTA_CMP_SREG, NFT_REG_1),
        u32(NFTA_CMP_OP, how),
        nested(NFTA_CMP_DATA, attribute(NFTA_DATA_VALUE, value)),
    )


def lookup(name: str, *, inverted: bool = False) -> bytes:
    """Leave the rule unless what is loaded is in the set, or (inverted) if it is."""
    return _expression(
        "lookup",
        text(NFTA_LOOKUP_SET, name),
        u32(NFTA_LOOKUP_SREG, NFT_REG_1),
        u32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV if inverted else 0),
    )


def verdict(code: int) -> bytes:
    """Leave the rule, or the chain (NFT_CONTINUE, NFT_RETURN)."""
    number = attribute(NFTA_VERDICT_CODE, code.to_bytes(4, signed=True))
    return _expression(
        "immediate",
        u32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT),
        nested(NFTA_IMMEDIATE_DATA, nested(NFTA_DATA_VERDICT, number)),
    )


def object_reference(kind: int, name: str) -> bytes:
    """Use an object of the table (NFT_OBJECT_*), such as a counter."""
    return _expression("objref", u32(NFTA_OBJREF_IMM_TYPE, kind), text(NFTA_OBJREF_IMM_NAME, name))


def source_translation(nfproto: int) -> bytes:
    """Translate the source to the address that is loaded."""
    return _expression(
        "nat",
        u32(NFTA_NAT_TYPE, NFT_NAT_SNAT),
        u32(NFTA_NAT_FAMILY, nfproto),
        u32(NFTA_NAT_REG_ADDR_MIN, NFT_REG_1),
    )


def masquerade(ports: tuple[int, int] | None, *, fully_random: bool) -> bytes:
    """Translate the source to the address of the outgoing interface, and its port to one of these."""
    before, named = b"", b""
    flags = NF_NAT_RANGE_PROTO_RANDOM_FULLY if fully_random else 0
    if ports is not None:
        before = b"".join(map(_constant, (NFT_REG_1, NFT_REG_2), ports))
        named = u32(NFTA_MASQ_REG_PROTO_MIN, NFT_REG_1) + u32(NFTA_MASQ_REG_PROTO_MAX, NFT_REG_2)
        flags |= NF_NAT_RANGE_PROTO_SPECIFIED
    return before + _expression("masq", u32(NFTA_MASQ_FLAGS, flags) if flags else b"", named)


def _constant(register: int, port: int) -> bytes:
    return _expression(
        "immediate",
        u32(NFTA_IMMEDIATE_DREG, register),
        nested(NFTA_IMMEDIATE_DATA, attribute(NFTA_DATA_VALUE, port.to_bytes(2))),
    )


def _expression(name: str, *data: bytes) -> bytes:
    return nested(NFTA_LIST_ELEM, text(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, *data))
