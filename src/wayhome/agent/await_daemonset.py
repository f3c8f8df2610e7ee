"""`wayhome-agent await-daemonset`: until a DaemonSet is ready on every node that it wants.

The chart's uninstall needs it: Helm waits for a Job and not for a DaemonSet, so this is what the Job runs. It needs
`get` of the one DaemonSet. What goes wrong on the way may pass, and is tried again until the time is over.

Source: Kubernetes API reference, DaemonSetStatus; the status counts once it has observed the newest generation.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from wayhome.kube.access import Access
from wayhome.kube.client import Client
from wayhome.kube.errors import CredentialsError, KubeError
from wayhome.kube.in_cluster import in_cluster
from wayhome.kube.kubeconfig import from_kubeconfig
from wayhome.kube.objects import Object, metadata
from wayhome.kube.resources import DAEMON_SETS

INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """On how many nodes it is ready, and on how many it should be."""

    ready: int
    wanted: int

    @property
    def complete(self) -> bool:
        """Whether it is ready on all of them; where no node is wanted, too."""
        return self.ready >= self.wanted

    def __str__(self) -> str:
        return f"ready on {self.ready} of {self.wanted} nodes"


def main(arguments: list[str]) -> int:
    """Wait. Returns 0 when it is ready everywhere, 1 if it is not by then, 3 if that could not be known, 4 for no access."""
    options = _parser().parse_args(arguments)
    try:
        access = from_kubeconfig([options.kubeconfig]) if options.kubeconfig else in_cluster()
    except CredentialsError as error:
        sys.stderr.write(f"wayhome-agent await-daemonset: {error}\n")
        return 4
    namespace, name = options.daemonset
    return asyncio.run(_wait(access, namespace, name, options.seconds))


async def _wait(access: Access, namespace: str, name: str, seconds: float) -> int:
    client = Client(access, user_agent="wayhome-await-daemonset")
    last, status = "", 3
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    found = progress(await client.get(DAEMON_SETS, namespace, name))
                    news, status = str(found or "not yet seen by its controller"), 1
                    if found and found.complete:
                        status = 0
                except KubeError as error:
                    news, status = str(error), 3
                if news != last:
                    last = news
                    sys.stdout.write(f"{namespace}/{name}: {news}\n")
                    sys.stdout.flush()
                if status == 0:
                    return 0
                await asyncio.sleep(INTERVAL)
    except TimeoutError:
        sys.stderr.write(
            f"wayhome-agent await-daemonset: after {seconds:g} s {namespace}/{name} is: {last}\n"
        )
        return status


def progress(daemonset: Object) -> Progress | None:
    """What its status says; None where that is about another generation than the newest."""
    status = daemonset.get("status")
    if not isinstance(status, dict):
        return None
    counts = [
        status.get(name, 0)
        for name in ("observedGeneration", "numberReady", "desiredNumberScheduled")
    ]
    if not all(isinstance(count, int) for count in counts):
        return None
    observed, ready, wanted = counts
    generation = metadata(daemonset).get("generation", 0)
    if not isinstance(generation, int) or observed < max(generation, 1):
        return None
    return Progress(ready, wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wayhome-agent await-daemonset",
        description="Waits until a DaemonSet is ready on every node that it wants.",
        allow_abbrev=False,
    )
    parser.add_argument("daemonset", type=_names, metavar="NAMESPACE/NAME")
    parser.add_argument(
        "--seconds", type=_seconds, default=240.0, metavar="N", help="wait no longer (240)"
    )
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="outside of a Pod")
    return parser


def _names(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not namespace or not name:
        raise argparse.ArgumentTypeError(f"{text!r} names no DaemonSet; write NAMESPACE/NAME")
    return namespace, name


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write 240")
    return float(text)
