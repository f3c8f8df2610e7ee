"""Upstream's chain to the letter: the rules, and the text for iptables-restore `--noflush`. Pure.

Names, comments and order are those of kubernetes-sigs/ip-masq-agent 2.12: for nodes that must keep them, for taking
over from it, and as the baseline of the benchmark.

The chain is a list in the order of the configuration, and all its entries say RETURN. In a policy the longest prefix
decides, so an entry of which a part is to be masqueraded stands there as the prefixes of what remains of it, in its
own place: 10.0.0.0/8 without 10.2.0.0/16 is 8 lines. A configuration that upstream knows gives upstream's chain.

The text of `render_chain` is for a node without the chain: the declaration empties it if it is there, so the rules
are replaced, but the jump is appended and a second restore would add a second one.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.kernel.backend import InexpressibleError
from wayhome.kernel.masquerade import PORT_PROTOCOLS, Masquerade
from wayhome.policy import Action, Policy
from wayhome.prefixes import Family, Intervals, Prefix

CHAIN = "IP-MASQ-AGENT"
LONGEST_CHAIN_NAME = 28
"""Characters. The kernel's XT_EXTENSION_MAXNAMELEN is 29 with the zero at the end."""
_CHAIN_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-_.:")
_TAKEN = frozenset((
    "ACCEPT", "DROP", "QUEUE", "RETURN", "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING", "DNAT", "SNAT", "MASQUERADE",
    "REDIRECT", "NETMAP", "MARK", "CONNMARK", "LOG", "NFLOG",
))  # fmt: skip
"""Names that mean something else in a nat table."""

_KEEP = "ip-masq-agent: local traffic is not subject to MASQUERADE"
_MASQUERADE = "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)"
_JUMP = "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {chain} chain"


@dataclass(frozen=True, slots=True)
class Chain:
    """What a nat table is to hold: the chain's rules and the jump from POSTROUTING, without `-A` and their chain."""

    name: str
    rules: tuple[str, ...]

    @property
    def jump(self) -> str:
        """Upstream's jump to it, in the spelling of v2.12.2 and later."""
        comment = _JUMP.format(chain=self.name)
        return f'-m comment --comment "{comment}" -m addrtype ! --dst-type LOCAL -j {self.name}'


def chain_of(policy: Policy, masquerade: Masquerade, family: Family, name: str = CHAIN) -> Chain:
    """Compile a policy for one family. Raises InexpressibleError for the scope of Pods."""
    if policy.pod_cidrs is not None:
        raise InexpressibleError(
            "only Pods of this node are to be masqueraded: upstream's chain has no match on the source; "
            "use the nftables back end, or upstream's scope (without --pod-cidrs)"
        )
    keep = [f'-m comment --comment "{_KEEP}" -d {kept} -j RETURN' for kept in kept_prefixes(policy, family)]  # fmt: skip
    return Chain(name, (*keep, *_translation(masquerade)))


def render_chain(policy: Policy, masquerade: Masquerade, family: Family, name: str = CHAIN) -> str:
    """The chain and the jump to it, for a table that holds neither. Raises InexpressibleError."""
    chain = chain_of(policy, masquerade, family, name)
    lines = ["*nat", f":{name} - [0:0]", f"-A POSTROUTING {chain.jump}"]
    lines += [f"-A {name} {rule}" for rule in chain.rules]
    return "\n".join([*lines, "COMMIT"]) + "\n"


def kept_prefixes(policy: Policy, family: Family) -> Iterator[Prefix]:
    """The entries that say keep, in their order, each without what longer prefixes inside it give to the node.

    A destination is in one of them exactly if the longest prefix that holds it says keep.
    """
    entries = [entry for entry in policy.entries if entry.prefix.family is family]
    carved_out = [entry.prefix for entry in entries if entry.action is Action.MASQUERADE]
    for entry in entries:
        if entry.action is not Action.KEEP:
            continue
        kept = entry.prefix
        holes = [
            (hole.first, hole.last)
            for hole in carved_out
            if hole.length > kept.length and kept.contains(family, hole.first)
        ]
        if not holes:
            yield kept
            continue
        remains = Intervals.of([(kept.first, kept.last)]).minus(Intervals.of(holes))
        for first, last in remains.spans:
            yield from Prefix.from_interval(family, first, last)


def check_chain_name(name: str) -> None:
    """Raises ValueError for a name that iptables would not take, or would take for something else."""
    if not 1 <= len(name) <= LONGEST_CHAIN_NAME:
        raise ValueError(
            f"a chain's name has 1 to {LONGEST_CHAIN_NAME} characters: {name!r} has {len(name)}"
        )
    if not _CHAIN_CHARACTERS.issuperset(name) or name.startswith("-"):
        raise ValueError(
            f"{name!r} is no name for a chain: write letters, digits, and - _ . : (no - at the beginning)"
        )
    if name in _TAKEN:
        raise ValueError(f"{name} is a target or chain of iptables' own; choose another name")


def _translation(masquerade: Masquerade) -> Iterator[str]:
    comment = f'-m comment --comment "{_MASQUERADE}"'
    target = f"-j MASQUERADE{' --random-fully' if masquerade.random_fully else ''}"
    for protocol in PORT_PROTOCOLS:
        for share in masquerade.port_shares():
            dice = f"-m statistic --mode random --probability {share.size / share.remaining:.11f} "
            yield f"{comment} -p {protocol} {'' if share.takes_all else dice}{target} --to-ports {share}"
    yield f"{comment} {target}"
