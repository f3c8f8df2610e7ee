"""`wayhome lab check`: whether the tracer and the kernel agree."""

import sys
from pathlib import Path

import click

from wayhome.cli.lab_check_report import show
from wayhome.cli.lab_errors import end, errors
from wayhome.cli.lab_exports import Exports, QuestionError
from wayhome.lab.check import check as check_flows
from wayhome.lab.compiled import Asked
from wayhome.lab.cut import MOST_NODES, TooLargeError, buildable
from wayhome.lab.exported import ExportedLabs
from wayhome.lab.namespaces import enter
from wayhome.lab.questions import drawn, questions
from wayhome.lab.questions import sample as sample_of
from wayhome.network import Network


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
    try:
        exports = Exports.read(directory)
        asked = _asked(exports.network, directory, sample, seed)
        cut = buildable(exports.network, asked)
    except QuestionError as error:
        end(2, *error.lines)
    except TooLargeError as error:
        end(2, str(error))
    labs = ExportedLabs(exports.estate, exports.network)
    with errors():
        enter()
        checked = check_flows(cut.network, asked, labs)
    show(checked, cut, directory, labs.refused, as_json=as_json)
    sys.exit(1 if checked.disagreements else 0)


def _asked(network: Network, directory: Path, size: int | None, seed: int) -> list[Asked]:
    if len(network.nodes) <= MOST_NODES:
        found = sample_of(list(questions(network)), size, seed)
    elif size is not None:
        found = drawn(network, size, seed)
    else:
        raise QuestionError(
            f"the network of {directory} has {len(network.nodes):,} nodes, and at most {MOST_NODES:,} are built; "
            "draw flows by --sample, and what these can touch is built"
        )
    if not found:
        raise QuestionError(f"{directory} has no two ends between which a flow could be tried")
    return found
