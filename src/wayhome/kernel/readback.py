"""Reading our table back from the kernel, and nothing but our table.

Collecting and parsing are two steps: the bytes of 10,000 intervals arrive in 5 ms and are parsed in another 8, and
bytes that were parsed before need not be parsed again.

Every request names the table, and the chain or set where it can, so that the kernel does not walk through others'
tables: one dump of all chains would do that. A chain that somebody added to our table is therefore not seen itself,
but the table's count of its objects gives it away.
"""

from contextlib import suppress
from dataclasses import replace

from wayhome.kernel import attributes, elements
from wayhome.kernel import nf_tables as nft
from wayhome.kernel.attributes import as_s32, as_text, as_u32
from wayhome.kernel.counts import Count
from wayhome.kernel.nfnetlink import Channel
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import CHAINS, TABLE, Chain, SetType
from wayhome.kernel.table import HeldChain, HeldRule, HeldSet, Table

Dump = tuple[tuple[bytes, ...], ...]
"""What the kernel said: the table, each of our chains (none where it is absent) and its rules, the counters' names, the
sets, and the elements of each of our sets. What is counted is not in it."""


def collect(channel: Channel) -> Dump | None:
    """Ask for everything in our table; None if there is none. Raises OSError, also where it vanishes meanwhile."""
    table = attributes.text(nft.NFTA_TABLE_NAME, TABLE)
    try:
        head = channel.get(nft.NFT_MSG_GETTABLE, table)
    except FileNotFoundError:
        return None
    chains = [part for name in CHAINS for part in _collect_chain(channel, table, name)]
    counters = channel.dump(
        nft.NFT_MSG_GETOBJ, table + attributes.u32(nft.NFTA_OBJ_TYPE, nft.NFT_OBJECT_COUNTER)
    )
    sets = tuple(channel.dump(nft.NFT_MSG_GETSET, table))
    return (
        (head,),
        *chains,
        tuple(attributes.parse(counter)[nft.NFTA_OBJ_NAME] for counter in counters),
        sets,
        *(
            tuple(map(elements.without_counts, _elements(channel, kind)))
            for kind in map(_set_type, sets)
            if is_ours(kind)
        ),
    )


def _collect_chain(channel: Channel, table: bytes, name: str) -> tuple[tuple[bytes, ...], ...]:
    """A chain and its rules; both empty where it is absent."""
    chain: tuple[bytes, ...] = ()
    with suppress(FileNotFoundError):
        named = attributes.text(nft.NFTA_CHAIN_NAME, name)
        chain = (channel.get(nft.NFT_MSG_GETCHAIN, table + named),)
    if not chain:
        return (), ()
    named = attributes.text(nft.NFTA_RULE_CHAIN, name)
    return chain, tuple(channel.dump(nft.NFT_MSG_GETRULE, table + named))


def _elements(channel: Channel, kind: SetType) -> list[bytes]:
    return channel.dump(elements.NFT_MSG_GETSETELEM, elements.selector(kind))


def counts(channel: Channel, kind: SetType, of: tuple[Interval, ...]) -> dict[int, Count]:
    """What these elements of a set have counted, by first address; of all elements where none is named.

    Raises OSError, also where a named one is not there.
    """
    asked = [elements.selector(kind, first) for first, _ in of]
    answers = [channel.get(elements.NFT_MSG_GETSETELEM, one) for one in asked] or _elements(
        channel, kind
    )
    return elements.decode_counts(kind.family, answers)


def counter(channel: Channel, name: str) -> Count:
    """What a counter of ours has counted. Raises OSError, also where it is not there."""
    answer = channel.get(
        nft.NFT_MSG_GETOBJ,
        attributes.text(nft.NFTA_OBJ_TABLE, TABLE)
        + attributes.text(nft.NFTA_OBJ_NAME, name)
        + attributes.u32(nft.NFTA_OBJ_TYPE, nft.NFT_OBJECT_COUNTER),
    )
    counted = attributes.parse(attributes.parse(answer)[nft.NFTA_OBJ_DATA])
    octets, packets = counted[nft.NFTA_COUNTER_BYTES], counted[nft.NFTA_COUNTER_PACKETS]
    return Count(int.from_bytes(packets), int.from_bytes(octets))


def parse(dump: Dump) -> Table:
    """The dump as data. Raises ValueError where it cannot be read."""
    (head,), *rest = dump
    of_chains, (counters, sets, *contents) = rest[: 2 * len(CHAINS)], rest[2 * len(CHAINS) :]
    table = attributes.parse(head)
    content = iter(contents)
    return Table(
        comment=_comment(table.get(nft.NFTA_TABLE_USERDATA, b"")),
        dormant=bool(as_u32(table[nft.NFTA_TABLE_FLAGS]) & nft.NFT_TABLE_F_DORMANT),
        objects=as_u32(table[nft.NFTA_TABLE_USE]),
        chains=tuple(
            HeldChain(_chain(chain[0]), tuple(map(_rule, rules)))
            for chain, rules in zip(of_chains[::2], of_chains[1::2], strict=True)
            if chain
        ),
        sets=tuple(
            _held_set(kind, next(content)) if is_ours(kind) else HeldSet(kind, ())
            for kind in map(_set_type, sets)
        ),
        counters=tuple(map(as_text, counters)),
    )


def _chain(message: bytes) -> Chain:
    found = attributes.parse(message)
    hook = attributes.parse(found.get(nft.NFTA_CHAIN_HOOK, b""))
    if not hook:  # a chain that only other chains call
        return Chain(as_text(found[nft.NFTA_CHAIN_NAME]), "", "", 0, "")
    return Chain(
        name=as_text(found[nft.NFTA_CHAIN_NAME]),
        type=as_text(found[nft.NFTA_CHAIN_TYPE]),
        hook=nft.HOOKS.get(as_u32(hook[nft.NFTA_HOOK_HOOKNUM]), "unknown"),
        priority=as_s32(hook[nft.NFTA_HOOK_PRIORITY]),
        policy=nft.POLICIES.get(as_u32(found[nft.NFTA_CHAIN_POLICY]), "unknown"),
    )


def _rule(message: bytes) -> HeldRule:
    found = attributes.parse(message)
    return HeldRule(
        comment=_comment(found.get(nft.NFTA_RULE_USERDATA, b"")),
        expressions=found.get(nft.NFTA_RULE_EXPRESSIONS, b""),
    )


def _set_type(message: bytes) -> SetType:
    found = attributes.parse(message)
    key, flags = (
        as_u32(found[nft.NFTA_SET_KEY_TYPE]),
        as_u32(found.get(nft.NFTA_SET_FLAGS, bytes(4))),
    )
    return SetType(
        name=as_text(found[nft.NFTA_SET_NAME]),
        type=nft.KEY_TYPES.get(key, f"type {key}"),
        flags=nft.SET_FLAGS.get(flags, f"flags {flags:#x}"),
    )


def _held_set(kind: SetType, dump: tuple[bytes, ...]) -> HeldSet:
    """A set in which somebody put what is no interval is no longer a set of ours."""
    try:
        return HeldSet(kind, elements.decode(kind.family, dump))
    except ValueError as error:
        return HeldSet(replace(kind, flags=f"{kind.flags}, {error}"), ())


def is_ours(kind: SetType) -> bool:
    """Whether a set has the shape that all our sets have; what another one holds does not matter."""
    return kind.type in nft.KEY_TYPES.values() and kind.flags == "interval"


def _comment(userdata: bytes) -> str:
    at = 0
    while at + 2 <= len(userdata):
        kind, length = userdata[at], userdata[at + 1]
        if kind == nft.NFTNL_UDATA_COMMENT:
            return as_text(userdata[at + 2 : at + 2 + length])
        at += 2 + length
    return ""
