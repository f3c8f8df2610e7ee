"""`wayhome lab up`: a network that is kept up in the background."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

import click

from wayhome.cli.lab_errors import end, errors
from wayhome.cli.lab_terminal import own_command, progress
from wayhome.cli.printable import printable
from wayhome.lab import remote
from wayhome.lab.cases import CASES
from wayhome.lab.state import LabState, lab_folder
from wayhome.report.names import shortened


@click.command(short_help="Keep a network up in the background.")
@click.argument("case", required=False, type=click.Choice(list(CASES)))
@click.option(
    "--from",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory of exports, as `wayhome collect` makes it: its network is built.",
)
@click.option(
    "--flow",
    "flows",
    nargs=2,
    multiple=True,
    metavar="SOURCE DESTINATION[:PORT]",
    help="Build only what this flow can touch, there and back. Give it again for each further flow.",
)
def up(case: str | None, directory: Path | None, flows: tuple[tuple[str, str], ...]) -> None:
    """Build a case or an exported network and keep it up in the background, until `down`.

    Where its exports have a masquerade agent on a node, the project's own runs there. Every node with an address answers
    on ports 80 and 23, and on those of the flows.
    """
    from wayhome.cli.lab_exports import QuestionError  # noqa: PLC0415 (msgspec; a usage error needs none of it)
    from wayhome.cli.lab_wanted import wanted_case, wanted_exports  # noqa: PLC0415

    if (case is None) is (directory is None):
        known = ", ".join(CASES)
        raise click.UsageError(f"say which case ({known}), or --from DIRECTORY")
    erase = progress("building and starting ...")
    started = time.perf_counter()
    try:
        with errors():
            wanted = (
                wanted_exports(directory, flows) if directory else wanted_case(case or "", flows)
            )
            state = remote.up(wanted.plan)
    except QuestionError as error:
        erase()
        end(2, *error.lines)
    finally:
        erase()
    _show(state, time.perf_counter() - started, wanted.try_next)


def _show(state: LabState, seconds: float, try_next: Sequence[str]) -> None:
    agents = f", {len(state.agents)} with an agent" if state.agents else ""
    click.echo(
        f"{printable(state.title)} is up after {seconds:.1f} s: {len(state.nodes)} nodes{agents}"
    )
    for line in state.remarks:
        click.echo(f"  {shortened(printable(line))}")
    click.echo("Try:")
    folder = shlex.quote(str(lab_folder()))
    for line in try_next:
        click.echo(f"  {own_command()} lab {printable(line).replace('{folder}', folder)}")
