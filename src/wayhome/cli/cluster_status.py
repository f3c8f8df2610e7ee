"""`wayhome cluster status`: whether every node holds what the ConfigMap says, and which do not, and why."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from wayhome.cli.cluster_connection import client, connection, run
from wayhome.cli.cluster_document import document
from wayhome.cli.cluster_places import places, places_of
from wayhome.cli.cluster_progress import progress
from wayhome.cli.cluster_report import lines
from wayhome.cluster.clock import server_time
from wayhome.cluster.follow import Following
from wayhome.cluster.look import Places, look
from wayhome.cluster.notes import verdict
from wayhome.cluster.report import Report, report
from wayhome.kube.client import Client


@click.command(short_help="Whether every node holds what the ConfigMap says.")
@connection
@places
@click.option("--wait", is_flag=True, help="Wait until every agent has said yes or no.")
@click.option(
    "--timeout",
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="How long to wait.",
)
@click.option("--all", "everything", is_flag=True, help="List healthy nodes too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with all nodes.")
def status(
    kubeconfig: Path | None, context: str, *, wait: bool, timeout: float, everything: bool, as_json: bool, **flags: Any
) -> None:  # fmt: skip
    """Say which nodes hold the configuration that the ConfigMap has now, and what is wrong with the others.

    A node counts only if its own agent says so. What cannot be seen is said, and never counted as good: nodes of
    upstream's agent are unverified.

    Exit codes: 0 all nodes hold it, 1 something is wrong (a node rejects it, nobody reads it), 3 that is not known:
    the time is over, agents are silent, or your rights do not let it be seen.
    """
    found = run(_look(client(kubeconfig, context), places_of(flags), timeout if wait else None))
    if as_json:
        click.echo(json.dumps(document(found), indent=2))
    else:
        for line in lines(found, everything=everything):
            click.echo(line)
    sys.exit(verdict(found))


async def _look(client: Client, places: Places, seconds: float | None) -> Report:
    facts = await look(client, places)
    if seconds is None:
        return report(facts, server_time(client))
    async with Following(client, facts) as following:
        with progress() as show:
            found, _decided = await following.until(lambda latest: latest.settled, seconds, show)
    return found
