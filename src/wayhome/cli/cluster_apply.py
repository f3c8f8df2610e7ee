"""`wayhome cluster apply`: a configuration is everywhere and proven, or the old one is back."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from wayhome.cli.cluster_apply_document import document
from wayhome.cli.cluster_connection import access, connection, run
from wayhome.cli.cluster_places import places, places_of
from wayhome.cli.cluster_progress import progress
from wayhome.cli.cluster_proposal import lines, refused
from wayhome.cli.cluster_report import answer
from wayhome.cli.cluster_undo import kubectl_flags, undo_text
from wayhome.cli.configuration_file import print_findings, read
from wayhome.cli.printable import printable
from wayhome.cluster.look import Places, look
from wayhome.cluster.must_reach import parse_must_reach
from wayhome.cluster.outcome import Outcome, Result
from wayhome.cluster.pod_prober import pod_prober
from wayhome.cluster.proposal import Order, Proposal, propose
from wayhome.cluster.report import Report, report
from wayhome.cluster.rollout import Patience, Rollout
from wayhome.cluster.undo import manifest
from wayhome.kube.access import Access
from wayhome.kube.client import Client


@dataclass(frozen=True, slots=True)
class _Ways:
    """How to go about it."""

    file: Path
    places: Places
    patience: Patience
    dry_run: bool
    yes: bool
    as_json: bool
    probe_image: str
    probe_exec: bool
    kubectl: tuple[str, ...]


@click.command(short_help="Bring a configuration to all nodes, prove it, or put the old one back.")
@connection
@places
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would change, ask the API server whether it would take it, and write nothing.",
)
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option(
    "--canary",
    multiple=True,
    metavar="NODE",
    help="Try it on this node first (several times, or separated by commas).",
)
@click.option(
    "--must-reach",
    multiple=True,
    metavar="POD=HOST:PORT",
    help="What a Pod must reach by TCP afterwards; else the old configuration is put back. POD may be NAMESPACE/POD.",
)
@click.option(
    "--probe-image",
    default="",
    metavar="IMAGE",
    help="For --must-reach: the ephemeral container's (that of the agent on the Pod's node).",
)
@click.option(
    "--probe-exec",
    is_flag=True,
    help="For --must-reach: run programs of the Pod's own container, and add no container to it.",
)
@click.option(
    "--timeout",
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    help="How long to wait for the nodes, each time.",
)
@click.option(
    "--rollback-on-timeout",
    is_flag=True,
    help="Put the old one back for nodes that only stay silent, too.",
)
@click.option(
    "--force-conflicts",
    is_flag=True,
    help="Take the key over from whoever has set it with kubectl or another program.",
)
@click.option(
    "--ask-nodes",
    default=100,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=0),
    help="At how many nodes to count the live connections that would be treated differently.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document; what happens goes to standard error.",
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def apply(
    file: Path, kubeconfig: Path | None, context: str, *, dry_run: bool, yes: bool, canary: tuple[str, ...],
    must_reach: tuple[str, ...], timeout: float, rollback_on_timeout: bool, force_conflicts: bool, ask_nodes: int,
    as_json: bool, **flags: Any,
) -> None:  # fmt: skip
    """Write FILE (- is standard input) into the ConfigMap, wait until every node holds it, and prove it.

    The old configuration is put back if a node rejects the new one, or if something that must be reached is not; also on
    Ctrl-C. What somebody else writes meanwhile is never overwritten.

    Exit codes: 0 every node holds it (where agents say nothing: what must be reached is), 1 it was refused or put
    back, 2 usage, 3 not known: agents are silent or say nothing, or the time is over.
    """
    where = access(kubeconfig, context)
    try:
        proofs = tuple(parse_must_reach(text, where.namespace) for text in must_reach)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--must-reach") from None
    order = Order(
        text=read(file),
        canary=tuple(name for each in canary for name in each.split(",") if name),
        must_reach=proofs,
        force=force_conflicts,
        ask_nodes=ask_nodes,
    )
    ways = _Ways(
        file=file,
        places=places_of(flags),
        patience=Patience(timeout, rollback_on_timeout),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
        probe_image=flags["probe_image"],
        probe_exec=flags["probe_exec"],
        kubectl=kubectl_flags(kubeconfig, context),
    )
    if not (yes or dry_run) and (str(file) == "-" or not sys.stdin.isatty()):
        raise click.UsageError(
            "there is nobody to ask; --yes does it without, --dry-run only shows"
        )
    run(_apply(where, order, ways))


async def _apply(access: Access, order: Order, ways: _Ways) -> None:
    client = Client(access, user_agent="wayhome")
    say = _sayer(ways)
    # An ephemeral container stays in its Pod: nothing is tried where nothing is to be written.
    prober = (
        pod_prober(client, say, image=ways.probe_image, by_exec=ways.probe_exec)
        if not ways.dry_run
        else None
    )
    found = report(await look(client, ways.places), datetime.now(UTC))
    proposal = await propose(client, order, found, prober)
    print_findings(ways.file, proposal.findings, err=ways.as_json)
    for line in (*lines(proposal), *refused(proposal)):
        say(line)
    if refusal := proposal.refusal:
        if refusal.shows_manifest:
            say(manifest(proposal.facts.configmap, proposal.facts.data_key, proposal.text))
        _end(proposal, None, ways, "refused", refusal.exit_code)
    if ways.dry_run:
        say("nothing was written: --dry-run")
        _end(proposal, None, ways, "dry run", 0)
    if proposal.needs_writing and not ways.yes and not click.confirm("write it?"):
        say("nothing was written")
        _end(proposal, None, ways, "declined", 1)
    with progress() as show:
        outcome = await _interruptible(Rollout(client, proposal, prober, ways.patience, _Teller(say, show)))  # fmt: skip
    _end(proposal, outcome, ways, outcome.result.value, outcome.exit_code)


async def _interruptible(rollout: Rollout) -> Outcome:
    """The first signal turns it round, the second ends it at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    signals = 0

    def interrupted() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            rollout.interrupt.set()
        elif task:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    try:
        return await rollout.run()
    except asyncio.CancelledError:
        return rollout.abandoned()


def _end(
    proposal: Proposal, outcome: Outcome | None, ways: _Ways, result: str, exit_code: int
) -> NoReturn:
    undo = undo_text(proposal.before, ways.kubectl) if outcome and outcome.changed else ""
    if outcome:
        say = _sayer(ways)
        for line in _ending(outcome):
            say(line)
        if undo and outcome.result is not Result.ROLLED_BACK:
            say(f"this undoes it:\n  {undo}")
    if ways.as_json:
        click.echo(json.dumps(document(proposal, outcome, result=result, exit_code=exit_code, undo=undo), indent=2))  # fmt: skip
    if outcome and outcome.interrupted:
        raise KeyboardInterrupt
    sys.exit(exit_code)


def _ending(outcome: Outcome) -> Iterator[str]:
    colour = "green" if outcome.exit_code == 0 else "red" if outcome.exit_code == 1 else "yellow"
    told = "; ".join(map(printable, outcome.reasons))
    yield click.style(outcome.result.value, fg=colour, bold=True) + (f": {told}" if told else "")
    if outcome.report and outcome.result is not Result.ROLLED_BACK:
        yield answer(outcome.report)


def _sayer(ways: _Ways) -> Callable[[str], None]:
    return lambda line: click.echo(line, err=ways.as_json)


class _Teller:
    """Prints what a rollout tells."""

    def __init__(self, say: Callable[[str], None], show: Callable[[Report], None]) -> None:
        self._say = say
        self._show = show

    def said(self, sentence: str) -> None:
        self._say(printable(sentence))

    def shown(self, report: Report) -> None:
        self._show(report)
