"""Transactions as messages to nf_tables.

The agent writes over netlink itself and starts no program for it. `nft` reads the chains of everybody on the node
before it adds one rule (32 ms and 20 MB beside 50,000 rules of iptables-nft) and a whole set before it adds one element
(39 ms and 19 MiB with 10,000), each version in its own way, and it can be absent, hang or be killed. What has to be
right instead is the encoding: so the tests write every variant of our rules in both ways, and compare what the kernel
shows, to the byte, and what `nft list table` prints.

Comments, and the order of the bytes in a set's keys, are in user data as nft keeps them there, so that people see them.
"""

import sys
from collections.abc import Callable, Iterator
from typing import assert_never

from wayhome.kernel import elements
from wayhome.kernel import nf_tables as nft
from wayhome.kernel.attributes import attribute, nested, s32, text, u32
from wayhome.kernel.commands import (
    AddChain,
    AddCounter,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    Delete,
    DeleteElements,
    DeleteTable,
    FlushChain,
    SkeletonCommand,
    Transaction,
)
from wayhome.kernel.counts import NOTHING_COUNTED, Count
from wayhome.kernel.expressions import NFTA_EXPR_DATA, NFTA_EXPR_NAME
from wayhome.kernel.netlink import NLM_F_APPEND, NLM_F_CREATE
from wayhome.kernel.nfnetlink import Message
from wayhome.kernel.skeleton import TABLE, Chain, Rule, SetType

_HOOKS = {name: number for number, name in nft.HOOKS.items()}
_POLICIES = {name: number for number, name in nft.POLICIES.items()}
_KEY_TYPES = {name: number for number, name in nft.KEY_TYPES.items()}
_SET_FLAGS = {name: number for number, name in nft.SET_FLAGS.items()}


def messages_of(transaction: Transaction) -> Iterator[Message]:
    """The messages that carry a transaction, in its order."""
    for command in transaction:
        match command:
            case AddElements(kind, intervals, counts):
                yield from elements.additions(kind, intervals, counts)
            case DeleteElements(kind, intervals):
                yield from elements.removals(kind, intervals)
            case _:
                yield _message(command)


def removal() -> Message:
    """Remove the table."""
    return Message(nft.NFT_MSG_DELTABLE, text(nft.NFTA_TABLE_NAME, TABLE), "remove the table")


def _message(command: SkeletonCommand) -> Message:
    match command:
        case AddTable(comment):
            return _new(nft.NFT_MSG_NEWTABLE, _table(comment), "make the table")
        case DeleteTable():
            return removal()
        case AddCounter(name, count):
            return _new(nft.NFT_MSG_NEWOBJ, _counter(name, count), f"make the counter {name}")
        case AddSet(kind):
            return _new(nft.NFT_MSG_NEWSET, _set(kind), f"make the set {kind.name}")
        case AddChain(chain):
            return _new(nft.NFT_MSG_NEWCHAIN, _chain(chain), f"make the chain {chain.name}")
        case FlushChain(name):
            return Message(nft.NFT_MSG_DELRULE, _rules(name), f"remove the rules of {name}")
        case AddRule(chain, rule):
            purpose = f'write the rule "{rule.comment}"'
            return _new(nft.NFT_MSG_NEWRULE, _rule(chain, rule), purpose, NLM_F_APPEND)
        case Delete(what, name):
            message, named = _DELETIONS[what]
            return Message(message, named(name), f"remove the {what} {name}")
    assert_never(command)


def _new(kind: int, payload: bytes, purpose: str, flags: int = 0) -> Message:
    return Message(kind, payload, purpose, NLM_F_CREATE | flags)


def _named_chain(name: str) -> bytes:
    return text(nft.NFTA_CHAIN_TABLE, TABLE) + text(nft.NFTA_CHAIN_NAME, name)


def _named_set(name: str) -> bytes:
    return text(nft.NFTA_SET_TABLE, TABLE) + text(nft.NFTA_SET_NAME, name)


def _table(comment: str) -> bytes:
    named = text(nft.NFTA_TABLE_NAME, TABLE) + u32(nft.NFTA_TABLE_FLAGS, 0)
    return named + attribute(nft.NFTA_TABLE_USERDATA, _comment(comment)) if comment else named


def _named_counter(name: str) -> bytes:
    return b"".join(
        (
            text(nft.NFTA_OBJ_TABLE, TABLE),
            text(nft.NFTA_OBJ_NAME, name),
            u32(nft.NFTA_OBJ_TYPE, nft.NFT_OBJECT_COUNTER),
        )
    )


def _counter(name: str, count: Count) -> bytes:
    return _named_counter(name) + nested(nft.NFTA_OBJ_DATA, *_counted(count))


_DELETIONS: dict[str, tuple[int, Callable[[str], bytes]]] = {
    "chain": (nft.NFT_MSG_DELCHAIN, _named_chain),
    "set": (nft.NFT_MSG_DELSET, _named_set),
    "counter": (nft.NFT_MSG_DELOBJ, _named_counter),
}


def _set(kind: SetType) -> bytes:
    """A set's identifier is for references within the transaction; ours are by name."""
    order = nft.NFT_BYTEORDER_BIG_ENDIAN.to_bytes(4, sys.byteorder)
    expression = text(NFTA_EXPR_NAME, "counter"), nested(NFTA_EXPR_DATA, *_counted(NOTHING_COUNTED))
    return b"".join(
        (
            _named_set(kind.name),
            u32(nft.NFTA_SET_FLAGS, _SET_FLAGS[kind.flags]),
            u32(nft.NFTA_SET_KEY_TYPE, _KEY_TYPES[kind.type]),
            u32(nft.NFTA_SET_KEY_LEN, kind.family.bits // 8),
            u32(nft.NFTA_SET_ID, 1),
            attribute(nft.NFTA_SET_USERDATA, _user_data(nft.NFTNL_UDATA_SET_KEYBYTEORDER, order)),
            nested(nft.NFTA_SET_EXPR, *expression) if kind.counted else b"",
        )
    )


def _chain(chain: Chain) -> bytes:
    hook = u32(nft.NFTA_HOOK_HOOKNUM, _HOOKS[chain.hook])
    return b"".join(
        (
            _named_chain(chain.name),
            nested(nft.NFTA_CHAIN_HOOK, hook, s32(nft.NFTA_HOOK_PRIORITY, chain.priority)),
            u32(nft.NFTA_CHAIN_POLICY, _POLICIES[chain.policy]),
            text(nft.NFTA_CHAIN_TYPE, chain.type),
        )
    )


def _rules(chain: str) -> bytes:
    return text(nft.NFTA_RULE_TABLE, TABLE) + text(nft.NFTA_RULE_CHAIN, chain)


def _rule(chain: str, rule: Rule) -> bytes:
    expressions = nested(nft.NFTA_RULE_EXPRESSIONS, rule.expressions)
    return _rules(chain) + expressions + attribute(nft.NFTA_RULE_USERDATA, _comment(rule.comment))


def _counted(count: Count) -> tuple[bytes, bytes]:
    return (
        attribute(nft.NFTA_COUNTER_BYTES, count.bytes.to_bytes(8)),
        attribute(nft.NFTA_COUNTER_PACKETS, count.packets.to_bytes(8)),
    )


def _comment(comment: str) -> bytes:
    return _user_data(nft.NFTNL_UDATA_COMMENT, comment.encode() + b"\0")


def _user_data(kind: int, value: bytes) -> bytes:
    return bytes([kind, len(value)]) + value
