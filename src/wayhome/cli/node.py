"""`wayhome node`: act on the node that this runs on."""

import sys

import click

from wayhome.cli.lazy import LazyGroup
from wayhome.kernel import KernelError, NftablesKernel

_PLACES = {
    "plan": "wayhome.cli.node_plan:plan",
    "conflicts": "wayhome.cli.node_conflicts:conflicts",
    "migrate": "wayhome.cli.node_migrate:migrate",
}


@click.group(cls=LazyGroup, places=_PLACES)
def node() -> None:
    """Act on this node's rules (needs root)."""


@node.command()
def clean() -> None:
    """Remove all rules that wayhome has written on this node. Rules of others are not touched."""
    try:
        with NftablesKernel() as kernel:
            if kernel.read() is None:
                click.echo("there are no rules of wayhome on this node")
                return
            kernel.remove()
    except KernelError as error:
        click.echo(f"the rules could not be removed: {error}", err=True)
        sys.exit(4)
    click.echo(
        "the table inet wayhome is removed; connections that are already translated stay so until they end"
    )
