"""`wayhome cluster`: act on a cluster, through its API."""

import click

from wayhome.cli.lazy import LazyGroup

_PLACES: dict[str, str] = {}


@click.group(cls=LazyGroup, places=_PLACES)
def cluster() -> None:
    """Act on a cluster through its API (needs a kubeconfig, and your own rights)."""
