"""`wayhome cluster`: act on a cluster, through its API."""

import click

from wayhome.cli.lazy import LazyGroup

_PLACES = {
    "probe": "wayhome.cli.cluster_probe:probe",
    "status": "wayhome.cli.cluster_status:status",
    "apply": "wayhome.cli.cluster_apply:apply",
}


@click.group(cls=LazyGroup, places=_PLACES)
def cluster() -> None:
    """Act on a cluster through its API (needs a kubeconfig, and your own rights)."""
