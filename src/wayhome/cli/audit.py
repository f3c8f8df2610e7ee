"""`wayhome audit`: every Pod range of exported clusters against everything outside of them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wayhome.cli.exports import end, read_exports

if TYPE_CHECKING:
    from wayhome.diagnosis.audit.survey import Progress


@click.command(short_help="Every Pod range against everything outside its cluster.")
@click.option(
    "--from",
    "directory",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A directory of exports, as `wayhome collect` makes it.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="CAUSE",
    help="A cause that is meant to be so, such as destination-firewall: counted, and no reason to end with 1.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every finding in full, also where many networks have the same one.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def audit(directory: Path, ignored: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Ask for every Pod range about every prefix outside its cluster, by every protocol and port.

    Flows that no route, filter or policy tells apart are one class, and of each class one is asked: nothing is sampled.

    Ends with 0 if everything comes home, 1 if something is lost or the configuration has a fault, 3 if something is not
    known, 2 if the exports cannot be read.
    """
    from wayhome.cli.lines import print_line  # noqa: PLC0415
    from wayhome.diagnosis.audit.audit import audit as audited  # noqa: PLC0415 (msgspec; only for this command)
    from wayhome.diagnosis.audit.audit import serious  # noqa: PLC0415
    from wayhome.network.network import NetworkError  # noqa: PLC0415
    from wayhome.report import audit_document, audit_text  # noqa: PLC0415

    causes = known_causes()
    for name in ignored:
        if name not in causes:
            end(f"{name} is no cause; one of {', '.join(causes)}")
    estate = read_exports(directory)
    try:
        with progress_bar("classes of flows") as progress:
            found = audited(estate, progress)
    except NetworkError as error:
        end(*(f"the exports contradict each other: {problem}" for problem in error.problems))
    if not found.sources:
        end(
            f"no node of {directory} has a Pod range, and no route or alias range of an exported cluster tells of one; "
            "export the nodes: kubectl get nodes -o json"
        )
    if as_json:
        click.echo(json.dumps(audit_document.document(found), indent=2))
    else:
        for line in audit_text.lines(found, str(directory), ignored=ignored, everything=everything):
            print_line(line)
    sys.exit(serious(found, ignored))


def known_causes() -> list[str]:
    """What may be ignored."""
    from wayhome.diagnosis.audit.configuration import KINDS  # noqa: PLC0415
    from wayhome.diagnosis.cause import Cause  # noqa: PLC0415

    return list(dict.fromkeys([*map(str, Cause), *KINDS]))


@contextmanager
def progress_bar(what: str) -> "Iterator[Progress]":
    """A bar on standard error, if that is a terminal: how many Pod ranges of how many were asked."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 (only where there is a terminal)
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
