"""`wayhome lab up`, `status`, `down`: a case that is kept up in the background."""

import shlex
import time

import click

from wayhome.cli.lab_errors import errors
from wayhome.cli.lab_terminal import own_command, progress
from wayhome.cli.printable import printable
from wayhome.lab import agent_log, remote
from wayhome.lab.cases import CASES
from wayhome.lab.state import lab_folder


@click.command(short_help="Keep a case up in the background.")
@click.argument("case", type=click.Choice(list(CASES)))
def up(case: str) -> None:
    """Build a case and keep it up in the background, until `down`."""
    erase = progress("building and starting ...")
    started = time.perf_counter()
    try:
        with errors():
            state = remote.up(case)
    finally:
        erase()
    click.echo(
        f"{case} is up after {time.perf_counter() - started:.1f} s: {', '.join(state.nodes)}"
    )
    click.echo("Try:")
    for line in CASES[case]().try_next:
        click.echo(f"  {own_command()} lab {line.format(folder=shlex.quote(str(lab_folder())))}")


@click.command(short_help="Show the nodes, and what the agents say.")
def status() -> None:
    """Show the lab that is up: its nodes, its agents, and what they said last."""
    with errors():
        state = remote.current()
        click.echo(f"{state.case} is up; its keeper is process {state.keeper}")
        for name, addresses in state.addresses.items():
            click.echo(f"  {printable(name):<16} {', '.join(addresses)}")
        for node_name in state.agents:
            log = remote.agent_log(state, node_name)
            said = agent_log.events(log.read_text(errors="replace"))
            last = printable(said[-1].message) if said else "nothing"
            click.echo(f"agent on {node_name}: {last}\n  its log: {log}")


@click.command()
def down() -> None:
    """End the lab that is up."""
    with errors():
        state = remote.down()
    click.echo(f"{state.case} is down; nothing of it is left")
