"""`wayhome diff`: what an audit says of two states, where it is not the same."""

import json
import sys
from pathlib import Path

import click

from wayhome.cli.audit import progress_bar
from wayhome.cli.exports import end, read_exports

_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="What changes for Pods between two states of the exports.")
@click.argument("before", type=_DIRECTORY, metavar="DIR1")
@click.argument("after", type=_DIRECTORY, metavar="DIR2")
@click.option("--all", "everything", is_flag=True, help="Every outcome that is another one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def diff(before: Path, after: Path, everything: bool, as_json: bool) -> None:
    """Compare the audits of two directories of exports: the flows whose outcome changes, and the object that did it.

    Ends with 0 if nothing got worse, 1 if something is lost that was not, 3 if something is not known any more or no Pod
    range is in both, 2 if the exports cannot be read.
    """
    from wayhome.cli.lines import print_line  # noqa: PLC0415
    from wayhome.diagnosis.audit.compare import compare  # noqa: PLC0415 (msgspec; only for this command)
    from wayhome.network.network import NetworkError  # noqa: PLC0415
    from wayhome.report import diff_document, diff_text  # noqa: PLC0415

    states = [read_exports(one, f"{one}: ") for one in (before, after)]
    try:
        with progress_bar("Pod ranges compared") as progress:
            found = compare(states[0], states[1], progress)
    except NetworkError as error:
        end(*(f"the exports contradict each other: {problem}" for problem in error.problems))
    if not (found.compared or found.gone or found.new):
        end("no node of either has a Pod range; export the nodes: kubectl get nodes -o json")
    if as_json:
        click.echo(json.dumps(diff_document.document(found), indent=2))
    else:
        for line in diff_text.lines(found, str(after), everything=everything):
            print_line(line)
    sys.exit(found.exit_code)
