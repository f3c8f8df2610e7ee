"""`wayhome why`: what becomes of a flow, why it is lost, and what repairs it, from exported configuration."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from wayhome.cli.exports import end, read_exports
from wayhome.cli.printable import printable
from wayhome.network.flow import Protocol
from wayhome.network.verdict import Verdict

EXIT = {
    Verdict.REACHABLE: 0,
    Verdict.UNREACHABLE: 1,
    Verdict.AMBIGUOUS: 3,
    Verdict.UNDETERMINED: 3,
}


@click.command(short_help="Why a Pod cannot reach a destination, and what repairs it.")
@click.argument("source")
@click.argument("destination", metavar="DESTINATION[:PORT]")
@click.option(
    "--from",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory of exports, as `wayhome collect` makes it. Without it, what the current kubectl and gcloud contexts "
    "show is collected, read-only, after asking.",
)
@click.option(
    "--protocol",
    type=click.Choice(list(map(str, Protocol))),
    help="tcp with a port, else icmp. tcp and udp without a port: 80.",
)
@click.option("--yes", is_flag=True, help="Collect without asking.")
@click.option(
    "--steps",
    is_flag=True,
    help="Every step with where it was decided, and the commands of all repairs.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def why(  # noqa: PLR0917 (click names them)
    source: str,
    destination: str,
    directory: Path | None,
    protocol: str | None,
    yes: bool,
    steps: bool,
    as_json: bool,
) -> None:
    """Say what becomes of a flow from SOURCE to DESTINATION, and of its reply.

    SOURCE is a Pod (NAME or NAMESPACE/NAME), a node, an instance or an address. Without a port, an ICMP echo is meant.

    Ends with 0 if it comes home, 1 if it is lost, 3 if that is not known, 2 if the question cannot be understood.
    """
    from wayhome.cli.lines import print_line  # noqa: PLC0415
    from wayhome.clouds.endpoints import EndpointError  # noqa: PLC0415 (msgspec; only for this command)
    from wayhome.diagnosis.answer import Answer  # noqa: PLC0415
    from wayhome.diagnosis.question import Question  # noqa: PLC0415
    from wayhome.network.network import NetworkError  # noqa: PLC0415
    from wayhome.report import why_document, why_text  # noqa: PLC0415

    with ExitStack() as held:
        if directory is None:
            directory = Path(held.enter_context(TemporaryDirectory(prefix="wayhome-")))
            _collect_into(directory, yes=yes)
        estate = read_exports(directory)
    try:
        question = Question.parse(source, destination, Protocol(protocol) if protocol else None)
        answer = Answer.to(estate, question)
    except EndpointError as error:
        end(str(error))
    except NetworkError as error:
        end(*(f"the exports contradict each other: {problem}" for problem in error.problems))
    if as_json:
        click.echo(json.dumps(why_document.document(answer), indent=2))
    else:
        for line in why_text.lines(answer, steps=steps):
            print_line(line)
    sys.exit(EXIT[answer.verdict])


def _collect_into(directory: Path, *, yes: bool) -> None:
    """What the person's own contexts show, with their own rights, into a folder that is gone afterwards."""
    from wayhome.cli.collect import collect_with_progress  # noqa: PLC0415 (rich; only where nothing was exported)
    from wayhome.clouds.collect.current import current_context, current_project  # noqa: PLC0415
    from wayhome.clouds.collect.programs import NotInstalledError  # noqa: PLC0415

    try:
        context, project = current_context(), current_project()
    except NotInstalledError as error:
        end(f"{error}; give the exports with --from DIRECTORY")
    if not (context and project):
        end(
            "kubectl has no current context, or gcloud no project; set them, or give the exports with --from DIRECTORY"
        )
    question = f"read the cluster {printable(context)} and the project {printable(project)} with its peers', changing nothing?"
    if not yes and not sys.stdin.isatty():
        end(
            f"without a terminal it is not asked whether to {question[:-1]}; write --yes or --from DIRECTORY"
        )
    if not yes and not click.confirm(question, err=True, default=True):
        end("nothing was read; give the exports with --from DIRECTORY")
    for one in collect_with_progress(directory, (project,), (context,)):
        if one.reason:
            click.echo(
                f"not readable: {printable(one.command.scope)} {one.command.kind.COLLECTION}: {printable(one.reason)}",
                err=True,
            )
