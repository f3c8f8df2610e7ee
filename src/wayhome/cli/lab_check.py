"""`wayhome lab check`: whether the tracer and the kernel agree."""

import sys
from pathlib import Path

import click

from wayhome.cli.exports import read_exports
from wayhome.cli.lab_check_report import show
from wayhome.cli.lab_errors import end, errors
from wayhome.clouds.compile import compile_estate
from wayhome.lab.check import check as check_flows
from wayhome.lab.exported import ExportedLabs
from wayhome.lab.namespaces import enter
from wayhome.lab.questions import questions
from wayhome.lab.questions import sample as drawn
from wayhome.network import NetworkError


@click.command(short_help="Hold the tracer's word against the kernel.")
@click.option(
    "--from",
    "directory",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory of exports, as `wayhome collect` makes it.",
)
@click.option(
    "--sample", type=click.IntRange(min=1), help="So many flows, drawn by --seed; without it, all."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which flows are drawn.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def check(directory: Path, sample: int | None, seed: int, as_json: bool) -> None:
    """Ask the tracer and a network of namespaces what becomes of each flow, and show where they differ.

    Every Pod, instance and site, and the internet, asks for every address that another one has or is reached by, by TCP,
    UDP and ICMP. Ends with 0 if both agree on each flow, on where it is lost and by what, and with 1 if not.
    """
    estate = read_exports(directory)
    try:
        network = compile_estate(estate)
    except NetworkError as error:
        end(2, *(f"the exports contradict each other: {problem}" for problem in error.problems))
    asked = drawn(list(questions(network)), sample, seed)
    if not asked:
        end(2, f"{directory} has no two ends between which a flow could be tried")
    labs = ExportedLabs(estate, network)
    with errors():
        enter()
        checked = check_flows(network, asked, labs)
    show(checked, directory, labs.refused, as_json=as_json)
    sys.exit(1 if checked.disagreements else 0)
