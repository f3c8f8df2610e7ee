"""The static part of our table: its chain, its sets without elements, and its rules.

A change of the list changes only elements. The skeleton changes with the options (the scope, IPv6, ports) and with
the version of this program; a table is recognised as holding this very skeleton by the digest in its comment. The
digest is over the text that nft is given, so nobody has to remember to raise a version. It is a CRC because it
tells versions apart and keeps no attacker out, and because hashlib would cost the agent 4 MiB of memory (OpenSSL).

Every rule has a comment that a person reads in `nft list table inet wayhome`; the comments are also how our rules
are known when they are read back, so no two are alike.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.kernel.masquerade import PORT_PROTOCOLS, Masquerade
from wayhome.policy import Policy
from wayhome.prefixes import Family

TABLE = "wayhome"
CHAIN = "postrouting"
SRCNAT = 100
"""NF_IP_PRI_NAT_SRC, the priority that nft calls `srcnat`."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain: where netfilter calls it, and what becomes of a packet that falls off its end."""

    name: str
    type: str
    hook: str
    priority: int
    policy: str


@dataclass(frozen=True, slots=True)
class SetType:
    """A set's name, the type of its keys and its flags, in nft's words."""

    name: str
    type: str
    flags: str = "interval"

    @property
    def family(self) -> Family:
        """The family of the addresses in it."""
        return Family.IPV6 if self.type == "ipv6_addr" else Family.IPV4


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in nft's syntax, and what it is for."""

    statement: str
    comment: str


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Our table without the elements of its sets."""

    chain: Chain
    sets: tuple[SetType, ...]
    rules: tuple[Rule, ...]

    @property
    def comment(self) -> str:
        """The comment of a table that holds this skeleton."""
        digest = zlib.crc32("\n".join(self._body()).encode())
        return f"written by wayhome; rules {digest:08x}"

    def commands(self) -> Iterator[str]:
        """The nft commands that make it where there is no table, one on each line (nft 1.0.6 refuses some one-liners)."""
        yield f'add table inet {TABLE} {{ comment "{self.comment}"; }}'
        yield from self._body()

    def _body(self) -> Iterator[str]:
        for kind in self.sets:
            yield f"add set inet {TABLE} {kind.name} {{ type {kind.type}; flags {kind.flags}; }}"
        chain, offset = self.chain, self.chain.priority - SRCNAT
        priority = f"srcnat {'+' if offset > 0 else '-'} {abs(offset)}"
        yield (
            f"add chain inet {TABLE} {chain.name} {{ type {chain.type} hook {chain.hook} "
            f"priority {priority}; policy {chain.policy}; }}"
        )
        for rule in self.rules:
            yield f'add rule inet {TABLE} {chain.name} {rule.statement} comment "{rule.comment}"'


def skeleton_of(policy: Policy, masquerade: Masquerade) -> Skeleton:
    """The skeleton for a policy's scope and families, and for these options."""
    sets = [SetType(keep_set(family), _key_type(family)) for family in policy.families]
    if policy.pod_cidrs is not None:
        sets += [SetType(pods_set(family), _key_type(family)) for family in policy.families]
    return Skeleton(
        Chain(CHAIN, "nat", "postrouting", SRCNAT + masquerade.priority_offset, "accept"),
        tuple(sets),
        tuple(_rules(policy, masquerade)),
    )


def keep_set(family: Family) -> str:
    """The set of the destinations that see the Pod's own address."""
    return f"keep{family:d}"


def pods_set(family: Family) -> str:
    """The set of the ranges that this node's Pods have their addresses from."""
    return f"pods{family:d}"


def _key_type(family: Family) -> str:
    return f"ipv{family:d}_addr"


def _header(family: Family) -> str:
    return "ip" if family is Family.IPV4 else "ip6"


def _rules(policy: Policy, masquerade: Masquerade) -> Iterator[Rule]:
    """The rules in order: first what is not ours to decide, then the list, then the translation."""
    if masquerade.kube_proxy_mark_bit is not None:
        mask = f"0x{1 << masquerade.kube_proxy_mark_bit:08x}"
        # kube-proxy masquerades what it has marked and takes the mark off in the same rules. A connection
        # translated here first would skip them, and the mark would stay on its packets.
        yield Rule(
            f"meta mark & {mask} == {mask} return",
            "marked by kube-proxy, which masquerades it and takes the mark off",
        )
    if Family.IPV6 not in policy.families:
        yield Rule("meta nfproto != ipv4 return", "IPv6 is not enabled")
    # Upstream's `-m addrtype ! --dst-type LOCAL`.
    yield Rule("fib daddr type local return", "to an address of this node")
    if policy.pod_cidrs is not None:
        for family in policy.families:
            yield Rule(
                f"{_header(family)} saddr != @{pods_set(family)} return",
                f"IPv{family:d}, not from a Pod of this node",
            )
        # A node has addresses inside its Pod range, such as its bridge's.
        yield Rule("fib saddr type local return", "sent by this node itself")
    for family in policy.families:
        yield Rule(
            f"{_header(family)} daddr @{keep_set(family)} return",
            f"IPv{family:d} destinations that see the Pod's own address",
        )
    yield from _translation(masquerade)


def _translation(masquerade: Masquerade) -> Iterator[Rule]:
    randomly = " fully-random" if masquerade.random_fully else ""
    for protocol in PORT_PROTOCOLS:
        for share in masquerade.port_shares():
            dice = f"numgen random mod {share.remaining} < {share.size} "
            yield Rule(
                f"meta l4proto {protocol} {'' if share.takes_all else dice}masquerade to :{share}{randomly}",
                f"{protocol}, from ports {share}: {share.size} of {share.remaining} connections",
            )
    yield Rule(f"masquerade{randomly}", "every other destination sees this node's address")
