"""`wayhome node clean`: what wayhome has written goes; see `kernel.cleaning`."""

import sys

import click

from wayhome.cli.printable import printable
from wayhome.kernel import KernelError, iptables
from wayhome.kernel.cleaning import clean as clean_kernel


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
        said = [*clean_kernel(masq_chain)]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--masq-chain") from None
    except KernelError as error:
        click.echo(f"the rules could not be removed: {printable(str(error))}", err=True)
        sys.exit(4)
    for line in said or ["there are no rules of wayhome on this node"]:
        click.echo(line)
