"""`wayhome cluster probe`: whether a Pod reaches a target, and whether its node does."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from wayhome.cli.cluster_connection import client, connection, end_without_answer, run
from wayhome.cli.cluster_probe_report import document, lines
from wayhome.cli.parsed import checked
from wayhome.cli.printable import printable
from wayhome.cluster.probe import Probed, Question
from wayhome.cluster.probe import probe as try_it
from wayhome.cluster.probe_refused import NotAskedError
from wayhome.kube.client import Client
from wayhome.kube.errors import RefusedError
from wayhome.probe.observation import Protocol
from wayhome.probe.target import Target, parse_target

PROTOCOLS = [protocol.value for protocol in Protocol]


@click.command(short_help="Whether a Pod reaches a target, and whether its node does.")
@connection
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(PROTOCOLS),
    help="Only this one, and it has to work; may be given several times. Default: all three.",
)
@click.option(
    "--exec",
    "by_exec",
    is_flag=True,
    help="Run curl, wget, nc, ping or python3 of the Pod's own container, and add no container to the Pod.",
)
@click.option(
    "--container", default="", metavar="NAME", help="With --exec: which container (the first)."
)
@click.option(
    "--image",
    default="",
    metavar="IMAGE",
    help="The ephemeral container's: one that holds wayhome-agent (that of the agent on the node).",
)
@click.option(
    "--seconds",
    default=3.0,
    show_default=True,
    type=click.FloatRange(min=0.1, max=60),
    help="How long an attempt may take.",
)
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    help="How long the ephemeral container may take to begin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.argument("pod", metavar="[NAMESPACE/]POD")
@click.argument("target", metavar="HOST:PORT", callback=checked(parse_target))
def probe(
    kubeconfig: Path | None, context: str, pod: str, target: Target, *, as_json: bool, **asked: Any
) -> None:  # fmt: skip
    """Try HTTP, TCP and ICMP to HOST:PORT from the network of POD, and from its node, and say what both mean.

    From the Pod by an ephemeral container of the agent's image, which Kubernetes does not remove again; from the node by
    its agent. It takes your rights to `get` Pods, to `patch` pods/ephemeralcontainers (not with --exec), and to `get` and
    `create` pods/exec in the Pod's namespace and the agent's, where Pods are also listed.

    Exit codes: 0 it works from the Pod, 1 it does not, 2 usage, or a Pod that cannot be probed from, 3 that is not known.
    """
    connected = client(kubeconfig, context)
    namespace, _, name = pod.rpartition("/")
    protocols = tuple(dict.fromkeys(map(Protocol, asked.pop("protocols"))))
    if target.port is None and any(each is not Protocol.ICMP for each in protocols):
        raise click.UsageError("HTTP and TCP need a port; write HOST:PORT")
    question = Question(
        namespace=namespace or connected.access.namespace,
        pod=name,
        target=target,
        protocols=protocols,
        patience=asked.pop("timeout"),
        **asked,
    )
    probed = run(_tried(connected, question))
    if isinstance(probed, str):
        end_without_answer(printable(probed), 2)
    if as_json:
        click.echo(json.dumps(document(probed), indent=2))
    else:
        for line in lines(probed):
            click.echo(line)
    sys.exit(probed.exit_code)


async def _tried(client: Client, question: Question) -> Probed | str:
    """A sentence where there is no such Pod, or none that can be probed from."""
    try:
        return await try_it(client, question)
    except NotAskedError as error:
        return f"it cannot be probed from there: {error}"
    except RefusedError as error:
        if error.code == 404:
            return f"there is no Pod {question.namespace}/{question.pod}"
        raise
