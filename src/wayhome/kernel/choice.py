"""Which back end a node gets where nobody says: by what the node has, and with the reason. The decision is pure.

A node whose nat table already holds the chain, from upstream's agent or from the node's own start, keeps it: the chain
is called before any table of ours and would go on deciding as it did when its writer was replaced.

Otherwise nftables first: it alone holds a list of any length at the same cost, keeps out of everybody's tables, knows
the scope of Pods, and needs no program, only the kernel. Then iptables-nft, whose damage the kernel reports. iptables-legacy last, where there is no
nf_tables.

What other programs of the node use is not looked at on purpose: netfilter calls the nat chains of all of them. A
legacy table that does not exist is not looked at either: that would create it.
"""

import enum
import errno
import os
import re
from dataclasses import dataclass
from typing import assert_never

from wayhome.kernel import presence
from wayhome.kernel.backend import Backend, KernelError
from wayhome.kernel.iptables import CHAIN
from wayhome.kernel.masquerade import Masquerade
from wayhome.kernel.nfnetlink import Channel
from wayhome.kernel.nftables import NftablesKernel
from wayhome.kernel.nftables_backend import NftablesBackend
from wayhome.prefixes import Family

OLDEST_KERNEL = (5, 10)
"""It keeps a table's comment, by which ours is known; nat chains in the family inet are older (5.2)."""
_VERSION = re.compile(r"\d+(?:\.\d+)+")

Version = tuple[int, ...]


class BackendName(enum.StrEnum):
    """The back ends, in the order of preference."""

    NFTABLES = "nftables"
    IPTABLES_NFT = "iptables-nft"
    IPTABLES_LEGACY = "iptables-legacy"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node has."""

    kernel: Version
    nf_tables: str | None
    """Why the kernel's nf_tables cannot be used; None if it can."""
    variants: tuple[str, ...]
    """The variants of iptables that are installed."""
    with_chain: tuple[str, ...] = ()
    """Those of them whose nat table holds the chain already."""
    legacy_problem: str | None = None
    """Why it is not known whether that of iptables-legacy does; None if it is known, or was not asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A back end, and a sentence that says why this one."""

    name: BackendName
    reason: str


def choose(facts: Facts, *, iptables: bool = False, chain: str = CHAIN) -> Choice:
    """Pick a back end, of iptables if only that is wanted. Raises KernelError where there is none."""
    if facts.with_chain:
        return Choice(
            BackendName(facts.with_chain[0]),
            f"the node's nat table holds the chain {chain}, which decides before any table of ours; to move to "
            "nftables, start with --backend=nftables and run `wayhome node migrate`",
        )
    obstacle = "iptables is asked for" if iptables else _obstacle(facts)
    if obstacle is None:
        return Choice(
            BackendName.NFTABLES,
            f"Linux {_dotted(facts.kernel)} can hold the table inet wayhome",
        )
    because = obstacle if iptables else f"nftables is out of the question: {obstacle}"
    if facts.nf_tables is None and BackendName.IPTABLES_NFT in facts.variants:
        return Choice(BackendName.IPTABLES_NFT, because)
    if BackendName.IPTABLES_LEGACY in facts.variants:
        also = (
            f"this kernel has no nf_tables ({facts.nf_tables})"
            if facts.nf_tables
            else "iptables-nft is not installed"
        )
        return Choice(
            BackendName.IPTABLES_LEGACY, because if also in because else f"{because}, and {also}"
        )
    raise KernelError(
        f"there is no back end for this node: {obstacle}, and iptables is not installed; "
        f"{'start with --backend=nftables, or ' if iptables and _obstacle(facts) is None else ''}install the package iptables"
    )


def gather(chain: str = CHAIN, *, legacy: bool = True) -> Facts:
    """Look at this node, in the calling thread's network namespace.

    `legacy` false: do not look for the chain in the legacy table. It can only be read as a whole, and beside 50,000
    rules that takes 61 MiB. It takes CAP_NET_RAW too, which no other back end needs, so a failure there is one of the
    facts and not the end.

    Raises KernelError where the kernel's nf_tables refuses to answer.
    """
    nf_tables = _nf_tables_problem()
    variants = tuple(filter(presence.is_installed, presence.VARIANTS))
    with_chain: list[str] = []
    legacy_problem = None
    if BackendName.IPTABLES_NFT in variants and nf_tables is None and _nft_holds(chain):
        with_chain.append(BackendName.IPTABLES_NFT)
    if BackendName.IPTABLES_LEGACY in variants and legacy:
        try:
            if _legacy_holds(chain):
                with_chain.append(BackendName.IPTABLES_LEGACY)
        except KernelError as error:
            legacy_problem = str(error)
    return Facts(
        kernel=_version(os.uname().release) or (),
        nf_tables=nf_tables,
        variants=variants,
        with_chain=tuple(with_chain),
        legacy_problem=legacy_problem,
    )


def open_backend(name: BackendName, masquerade: Masquerade, chain: str = CHAIN) -> Backend:
    """A back end for the calling thread's network namespace; `chain` is of iptables.

    Raises KernelError where the kernel has not what it takes, ValueError for a chain that cannot be.
    """
    match name:
        case BackendName.NFTABLES:
            return NftablesBackend(NftablesKernel(), masquerade)
        case BackendName.IPTABLES_NFT | BackendName.IPTABLES_LEGACY:
            # An agent on nftables never pays for it.
            from wayhome.kernel.iptables_backend import IptablesBackend  # noqa: PLC0415

            return IptablesBackend(name, masquerade, chain)
    assert_never(name)


def _obstacle(facts: Facts) -> str | None:
    """What speaks against nftables."""
    if facts.nf_tables is not None:
        return f"this kernel has no nf_tables ({facts.nf_tables})"
    if facts.kernel < OLDEST_KERNEL:
        return f"it takes Linux {_dotted(OLDEST_KERNEL)}, and this is {_dotted(facts.kernel)}"
    return None


def _nf_tables_problem() -> str | None:
    try:
        channel = Channel()
        try:
            channel.generation()
        finally:
            channel.close()
    except OSError as error:
        if error.errno == errno.EPERM:
            raise KernelError(
                "masquerading takes CAP_NET_ADMIN in this network namespace, whatever the back end"
            ) from error
        return error.strerror or str(error)
    return None


def _nft_holds(chain: str) -> bool:
    try:
        return presence.nft_chain_exists(chain)
    except OSError as error:
        raise KernelError(f"the nat table cannot be asked for {chain}: {error.strerror}") from error


def _legacy_holds(chain: str) -> bool:
    """A legacy table can only be fetched as a whole, by its program."""
    if not presence.legacy_nat_exists(Family.IPV4):
        return False
    from wayhome.kernel import xtables  # noqa: PLC0415

    return xtables.read(BackendName.IPTABLES_LEGACY, Family.IPV4, chain).exists


def _version(text: str) -> Version | None:
    found = _VERSION.search(text)
    return tuple(map(int, found[0].split("."))) if found else None


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
