"""iptables' programs, by variant and family.

Distributions name them apart (`iptables-nft-save`, `ip6tables-legacy-restore`); small images have only one variant, under
the plain name, which `--version` tells.
"""

from wayhome.kernel import child, presence
from wayhome.kernel.backend import KernelError
from wayhome.netfilter.rules import Variant
from wayhome.prefixes import Family

TIMEOUT = 60.0
"""Seconds. 50,000 rules take iptables-nft-save 2.3 s; the xtables lock may have to be waited for."""
_VERSION_SAYS = {Variant.IPTABLES_NFT: "(nf_tables)", Variant.IPTABLES_LEGACY: "(legacy)"}
_STEMS = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}


def path(variant: Variant, family: Family, verb: str = "") -> str:
    """The program that saves or restores (`-save`, `-restore`), or lists. Raises KernelError, which names what is missing."""
    stem = _STEMS[family]
    name = f"{stem}-{'nft' if variant is Variant.IPTABLES_NFT else 'legacy'}{verb}"
    if found := presence.find(name):
        return found
    plain = presence.find(f"{stem}{verb}")
    if plain and _VERSION_SAYS[variant] in printed(
        child.run([plain, "--version"], timeout=TIMEOUT, lines_with="")
    ):
        return plain
    raise KernelError(
        f"{name} is not installed, and this node has rules of {variant}: install the package iptables"
    )


def printed(finished: child.Finished) -> str:
    """All that a program printed, if all of it was kept."""
    return "\n".join(finished.lines)
