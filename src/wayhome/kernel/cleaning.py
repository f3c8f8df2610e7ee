"""What wayhome has written on a node goes: `wayhome node clean`, and the agent's own `clean`.

The table `inet wayhome` is ours beyond doubt. A chain of iptables is not: its name, comments and rules are upstream's,
also where our agent wrote it. So it goes only where it is named, and is pointed out otherwise.
"""

from collections.abc import Iterator

from wayhome.kernel.choice import gather
from wayhome.kernel.iptables import CHAIN
from wayhome.kernel.iptables_backend import IptablesBackend
from wayhome.kernel.masquerade import Masquerade
from wayhome.kernel.nftables import NftablesKernel


def clean(masq_chain: str | None) -> Iterator[str]:
    """Remove the rules, and say what was done, line by line. Raises KernelError; ValueError for a chain's name."""
    yield from _clean_table()
    yield from _clean_chain(masq_chain)


def _clean_table() -> Iterator[str]:
    with NftablesKernel() as kernel:
        if kernel.read() is not None:
            kernel.remove()
            yield "the table inet wayhome is removed; connections that are already translated stay so until they end"


def _clean_chain(name: str | None) -> Iterator[str]:
    facts = gather(name or CHAIN)
    if name is None:
        for variant in facts.with_chain:
            yield (
                f"the chain {CHAIN} of {variant} stays: upstream's agent may have written it; "
                f"--masq-chain={CHAIN} removes it"
            )
        return
    usable = [v for v in facts.variants if facts.nf_tables is None or v != "iptables-nft"]
    for variant in usable:
        if IptablesBackend(variant, Masquerade(), name).remove():
            yield f"the chain {name} of {variant} is removed, and every jump to it"
