"""Reading the nat chains of everybody on this node. Nothing is changed, and no module is loaded by looking.

The chains' heads come first; then only those tables are listed that translate sources. The tables of
iptables-nft are read through iptables-nft-save, which alone can show all of their matches. iptables-legacy is not part
of nftables: it is asked only where /proc says that its nat table is there, because asking would make it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from wayhome.kernel import child, presence
from wayhome.kernel.backend import KernelError
from wayhome.kernel.foreign import programs
from wayhome.kernel.skeleton import SRCNAT, TABLE
from wayhome.netfilter import iptables_save, nft_json
from wayhome.netfilter.rules import BaseChain, Rule, Variant
from wayhome.prefixes import Family

# The namespace of this thread; /proc/net is that of the process's first one.
_LEGACY_TABLES = {
    Family.IPV4: Path("/proc/thread-self/net/ip_tables_names"),
    Family.IPV6: Path("/proc/thread-self/net/ip6_tables_names"),
}
_FAMILIES = {"ip": Family.IPV4, "ip6": Family.IPV6}


def read() -> tuple[BaseChain, ...]:
    """All nat chains at the postrouting hook but ours, by priority. Raises KernelError; it names what is missing."""
    found = [*_nft_chains(), *(chain for f in Family if (chain := read_iptables(Variant.IPTABLES_LEGACY, f)))]  # fmt: skip
    return tuple(sorted(found, key=lambda chain: chain.priority))


def read_iptables(variant: Variant, family: Family) -> BaseChain | None:
    """The nat table of iptables; None where there is none, or where nftables' own rules are in it."""
    if variant is Variant.IPTABLES_LEGACY and not _legacy_is_there(family):
        return None
    save = [programs.path(variant, family, "-save"), "-t", "nat"]
    saved = child.run(save, timeout=programs.TIMEOUT, lines_with="")
    if saved.status:
        raise KernelError(f"{variant} could not be read: {saved.said or saved.status}")
    chains = iptables_save.parse(programs.printed(saved), family)
    if chains is None or "POSTROUTING" not in chains:
        return None
    return BaseChain(variant, _word(family), "nat", "POSTROUTING", SRCNAT, chains)


def _nft_chains() -> Iterator[BaseChain]:
    tables: dict[tuple[str, str], dict[str, tuple[Rule, ...]]] = {}
    try:
        heads = nft_json.objects(_list({"chains": None}), "chain")
    except ValueError as error:
        raise KernelError(f"nft's list of chains: {error}") from error
    for head in heads:
        family, table, name = head["family"], head["table"], head["name"]
        if (head.get("type"), head.get("hook")) != ("nat", "postrouting"):
            continue
        if (family, table) == ("inet", TABLE) or family not in ("ip", "ip6", "inet"):
            continue
        priority = int(head.get("prio", SRCNAT))
        if (table, name) == ("nat", "POSTROUTING") and family in _FAMILIES:
            saved = _iptables_nft(_FAMILIES[family])
            if saved:
                yield saved
                continue
        if (family, table) not in tables:
            try:
                tables[family, table] = nft_json.parse(
                    _list({"table": {"family": family, "name": table}})
                )
            except ValueError as error:
                raise KernelError(f"table {family} {table}: {error}") from error
        yield BaseChain(Variant.NATIVE, family, table, name, priority, tables[family, table])


def _iptables_nft(family: Family) -> BaseChain | None:
    """None also where iptables-nft is not installed: nft then shows what it can."""
    try:
        return read_iptables(Variant.IPTABLES_NFT, family)
    except KernelError:
        return None


def _list(what: dict[str, object]) -> str:
    """What nft lists. It is asked in JSON, because in its language not every name can be said: `maps` is a word there."""
    program = presence.find("nft")
    if program is None:
        raise KernelError("nft is not installed: install the package nftables (nft 1.0.1 or newer)")
    ended = child.run(
        [program, "-j", "-f", "-"],
        timeout=programs.TIMEOUT,
        script=json.dumps({"nftables": [{"list": what}]}),
        lines_with="",
    )
    if ended.status:
        raise KernelError(f"nft could not list {what}: {ended.said or ended.status}")
    return programs.printed(ended)


def _legacy_is_there(family: Family) -> bool:
    try:
        return "nat" in _LEGACY_TABLES[family].read_text().split()
    except OSError:
        return False  # the module is not loaded


def _word(family: Family) -> str:
    return "ip" if family is Family.IPV4 else "ip6"
