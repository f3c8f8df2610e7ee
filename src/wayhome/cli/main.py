"""`wayhome`: the group of all commands, loaded one by one when they are asked for."""

import importlib
from typing import ClassVar

import click

from wayhome import __version__


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed: by name, or all for its help."""

    places: ClassVar[dict[str, str]] = {
        "policy": "wayhome.cli.policy:policy",
        "node": "wayhome.cli.node:node",
        "lab": "wayhome.cli.lab:lab",
    }

    def list_commands(self, context: click.Context) -> list[str]:
        """All names, in the order in which somebody meets the commands."""
        return [*self.places, *super().list_commands(context)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name not in self.places:
            return super().get_command(context, name)
        module, _, attribute = self.places[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 (ours)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wayhome")
def wayhome() -> None:
    """An IP masquerade agent for Kubernetes, with the tools to see why a Pod cannot reach a private network."""


@wayhome.command(add_help_option=False)
def agent() -> None:
    """Keep this node's masquerade rules (runs until stopped)."""
    # Only for the list of commands: `wayhome agent` is started before click is imported, see wayhome.__main__.
