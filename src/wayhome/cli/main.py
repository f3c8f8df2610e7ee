"""`wayhome`: the group of all commands."""

import click

from wayhome import __version__
from wayhome.cli.lazy import LazyGroup

_PLACES = {
    "policy": "wayhome.cli.policy:policy",
    "node": "wayhome.cli.node:node",
    "lab": "wayhome.cli.lab:lab",
}


@click.group(
    cls=LazyGroup, places=_PLACES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="wayhome")
def wayhome() -> None:
    """An IP masquerade agent for Kubernetes, with the tools to see why a Pod cannot reach a private network."""


@wayhome.command(add_help_option=False)
def agent() -> None:
    """Keep this node's masquerade rules (runs until stopped)."""
    # Only for the list of commands: `wayhome agent` is started before click is imported, see wayhome.__main__.
