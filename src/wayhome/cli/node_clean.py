"""`wayhome node clean`: what wayhome has written goes.

The table `inet wayhome` is ours beyond doubt. A chain of iptables is not: its name, comments and rules are upstream's,
also where our agent wrote it. So it goes only where it is named, and is pointed out otherwise.
"""

import sys
from collections.abc import Iterable

import click

from wayhome.cli.printable import printable
from wayhome.kernel import KernelError, Masquerade, NftablesKernel, gather, iptables
from wayhome.kernel.iptables_backend import IptablesBackend


@click.command()
@click.option(
    "--masq-chain",
    metavar="NAME",
    help=f"Remove this chain of iptables too, and every jump to it; the agent's is {iptables.CHAIN}.",
)
def clean(masq_chain: str | None) -> None:
    """Remove all rules that wayhome has written on this node. Rules of others are not touched."""
    try:
        if masq_chain is not None:
            iptables.check_chain_name(masq_chain)
        said = [*_clean_table(), *_clean_chain(masq_chain)]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--masq-chain") from None
    except KernelError as error:
        click.echo(f"the rules could not be removed: {printable(str(error))}", err=True)
        sys.exit(4)
    for line in said or ["there are no rules of wayhome on this node"]:
        click.echo(line)


def _clean_table() -> Iterable[str]:
    with NftablesKernel() as kernel:
        if kernel.read() is not None:
            kernel.remove()
            yield "the table inet wayhome is removed; connections that are already translated stay so until they end"


def _clean_chain(name: str | None) -> Iterable[str]:
    facts = gather(name or iptables.CHAIN)
    if name is None:
        for variant in facts.with_chain:
            yield (
                f"the chain {iptables.CHAIN} of {variant} stays: upstream's agent may have written it; "
                f"--masq-chain={iptables.CHAIN} removes it"
            )
        return
    usable = [v for v in facts.variants if facts.nf_tables is None or v != "iptables-nft"]
    for variant in usable:
        if IptablesBackend(variant, Masquerade(), name).remove():
            yield f"the chain {name} of {variant} is removed, and every jump to it"
