"""`wayhome node`: act on the node that this runs on."""

import click

from wayhome.cli.lazy import LazyGroup

_PLACES = {
    "plan": "wayhome.cli.node_plan:plan",
    "conflicts": "wayhome.cli.node_conflicts:conflicts",
    "migrate": "wayhome.cli.node_migrate:migrate",
    "clean": "wayhome.cli.node_clean:clean",
}


@click.group(cls=LazyGroup, places=_PLACES)
def node() -> None:
    """Act on this node's rules (needs root)."""
