"""`wayhome cluster apply`: a configuration is everywhere and proven, or the old one is back."""

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from wayhome.cli.cluster_apply_document import document
from wayhome.cli.cluster_connection import access, connection, run
from wayhome.cli.cluster_interrupt import interruptible
from wayhome.cli.cluster_outcome import Teller, needs_undo
from wayhome.cli.cluster_outcome import lines as outcome_lines
from wayhome.cli.cluster_places import places, places_of
from wayhome.cli.cluster_progress import progress
from wayhome.cli.cluster_proposal import lines, refused
from wayhome.cli.cluster_undo import kubectl_flags, undo_text
from wayhome.cli.configuration_file import print_findings, read
from wayhome.cluster.clock import server_time
from wayhome.cluster.look import Places, look
from wayhome.cluster.must_reach import Prober, parse_must_reach
from wayhome.cluster.outcome import Outcome
from wayhome.cluster.pod_prober import pod_prober
from wayhome.cluster.proposal import Order, Proposal, propose
from wayhome.cluster.report import report
from wayhome.cluster.rollout import Patience, Rollout
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

    def say(self, line: str) -> None:
        """Print it, where it is not in the document's way."""
        click.echo(line, err=self.as_json)

    def prober(self, client: Client, say: Callable[[str], None]) -> Prober:
        """What tries what must be reached."""
        return pod_prober(client, say, image=self.probe_image, by_exec=self.probe_exec)


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
    client = Client(where, user_agent="wayhome")
    proposal = run(_proposed(client, order, ways))
    _show(proposal, ways)
    if proposal.needs_writing and not ways.yes and not _confirmed():
        ways.say("nothing was written")
        _end(proposal, None, ways, "declined", 1)
    outcome = run(_rolled_out(client, proposal, ways))
    _end(proposal, outcome, ways, outcome.result.value, outcome.exit_code)


async def _proposed(client: Client, order: Order, ways: _Ways) -> Proposal:
    found = report(await look(client, ways.places), server_time(client))
    # An ephemeral container stays in its Pod: nothing is tried where nothing is to be written.
    return await propose(
        client, order, found, None if ways.dry_run else ways.prober(client, ways.say)
    )


def _show(proposal: Proposal, ways: _Ways) -> None:
    """What would be done; and the end, where it may not be done or was only asked for."""
    print_findings(ways.file, proposal.findings, err=ways.as_json)
    for line in (*lines(proposal), *refused(proposal)):
        ways.say(line)
    if refusal := proposal.refusal:
        _end(proposal, None, ways, "refused", refusal.exit_code)
    if ways.dry_run:
        ways.say("nothing was written: --dry-run")
        _end(proposal, None, ways, "dry run", 0)


def _confirmed() -> bool:
    """Asked outside of any event loop, where Ctrl-C ends the program.

    By the signal itself: Python's own handler only notes it, and a Ctrl-C that comes just before the read begins would
    not be heard until something is typed.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        # The document has standard output for itself.
        click.echo("write it? [y/N]: ", nl=False, err=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    finally:
        signal.signal(signal.SIGINT, before)


async def _rolled_out(client: Client, proposal: Proposal, ways: _Ways) -> Outcome:
    with progress() as show:
        teller = Teller(ways.say, show)
        prober = ways.prober(client, teller.said)
        return await interruptible(Rollout(client, proposal, prober, ways.patience, teller))


def _end(
    proposal: Proposal, outcome: Outcome | None, ways: _Ways, result: str, exit_code: int
) -> NoReturn:
    undo = (
        undo_text(proposal.before, outcome, ways.kubectl) if outcome and needs_undo(outcome) else ""
    )
    told = list(outcome_lines(outcome, undo)) if outcome else []
    try:
        for line in told:
            ways.say(line)
    except OSError:
        # What undoes it has to be heard, whatever became of the place for it.
        for line in told:
            click.echo(line, err=True)
        raise
    if ways.as_json:
        click.echo(json.dumps(document(proposal, outcome, result=result, exit_code=exit_code, undo=undo), indent=2))  # fmt: skip
    if outcome and outcome.interrupted:
        raise KeyboardInterrupt
    sys.exit(exit_code)
