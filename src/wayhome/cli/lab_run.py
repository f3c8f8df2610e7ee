"""`wayhome lab run`: a case, or flows of an exported network, built, shown and taken down again."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import NoReturn

import click

from wayhome.cli.lab_errors import end, errors
from wayhome.cli.lab_terminal import own_command, progress
from wayhome.cli.printable import printable
from wayhome.lab.case import Case
from wayhome.lab.cases import CASES
from wayhome.lab.mounts import private_folder
from wayhome.lab.namespaces import enter


@click.command(short_help="Run a case, or flows of exported networks, and take it down again.")
@click.argument("what", nargs=-1, metavar="CASE | [SOURCE DESTINATION[:PORT]]")
@click.option(
    "--from",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory of exports, as `wayhome collect` makes it: its network is built, and asked about the flow, or about "
    "those of all Pods, instances and sites.",
)
@click.option(
    "--protocol",
    type=click.Choice(["tcp", "udp", "icmp"]),
    help="Of the flow: tcp with a port, else icmp.",
)
@click.option(
    "--all",
    "all_repairs",
    is_flag=True,
    help="Every repair that `wayhome why` proposes for the case, or for the flow, in a network of its own.",
)
@click.option(
    "--repair",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="The repairs of this kind alone, such as exchange-routes; several times for several kinds.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
@click.option(
    "--api-server",
    metavar="COMMAND",
    help="The case on Kubernetes: the agents watch this API server. The program gets --host, --port and --kubeconfig, "
    "and prints its URL.",
)
def run(
    *,
    what: tuple[str, ...],
    directory: Path | None,
    protocol: str | None,
    all_repairs: bool,
    kinds: tuple[str, ...],
    as_json: bool,
    api_server: str | None,
) -> None:
    """Build a case or an exported network, show what was seen in it, and take it down again.

    A CASE is run through its phases. With --from, what is predicted of each flow stands beside what was seen. With --all
    or --repair, what repairs the case or the flow is tried instead.

    Ends with 0 if everything was as expected, and with 1 if not. Without network namespaces, shows what is predicted and
    ends with 4.
    """
    if all_repairs or kinds:
        if all_repairs and kinds:
            raise click.UsageError("--all is every kind; leave out --repair, or --all")
        if api_server:
            raise click.UsageError("--api-server belongs to a case's phases; leave it out here")
        _run_repairs(directory, what, protocol, kinds, as_json=as_json)
    if directory is not None:
        if api_server:
            raise click.UsageError("--api-server belongs to a case; leave it out with --from")
        _run_exports(directory, what, protocol, as_json=as_json)
    _run_case(_case(what, protocol), api_server, as_json=as_json)


def _case(what: tuple[str, ...], protocol: str | None) -> str:
    """The case that is meant."""
    if protocol:
        raise click.UsageError("--protocol is that of a flow; it goes with --from")
    if len(what) != 1 or what[0] not in CASES:
        known = ", ".join(CASES)
        raise click.UsageError(f"say which case ({known}), or --from DIRECTORY")
    return what[0]


def _run_repairs(
    directory: Path | None, what: tuple[str, ...], protocol: str | None, kinds: tuple[str, ...],
    *, as_json: bool,
) -> NoReturn:  # fmt: skip
    from wayhome.cli.lab_repairs import of_case, of_exports, run_repairs  # noqa: PLC0415 (msgspec, rich)

    if directory is None:
        wanted = of_case(_case(what, protocol))
    elif len(what) == 2:
        wanted = of_exports(directory, what[0], what[1], protocol)
    else:
        raise click.UsageError(
            "with --from, repairs are those of one flow: say SOURCE DESTINATION[:PORT]"
        )
    run_repairs(wanted, kinds, as_json=as_json)


def _run_exports(
    directory: Path, what: tuple[str, ...], protocol: str | None, *, as_json: bool
) -> NoReturn:
    from wayhome.cli.lab_exports import QuestionError  # noqa: PLC0415 (msgspec; only for this command)
    from wayhome.cli.lab_from import show, show_predicted, wanted  # noqa: PLC0415
    from wayhome.lab.check import check as check_flows  # noqa: PLC0415

    try:
        asked = wanted(directory, what, protocol)
    except QuestionError as error:
        end(2, *error.lines)
    with errors(lambda: show_predicted(asked, directory, as_json=as_json)):
        enter()
        checked = check_flows(asked.cut.network, asked.asked, asked.labs)
    show(checked, asked, directory, as_json=as_json)
    sys.exit(1 if checked.disagreements else 0)


def _run_case(case: str, api_server: str | None, *, as_json: bool) -> NoReturn:
    from wayhome.cli.lab_predicted import show as predicted  # noqa: PLC0415 (rich)
    from wayhome.cli.lab_report import Report, console, document  # noqa: PLC0415 (rich)
    from wayhome.clouds.compile import compile_estate  # noqa: PLC0415 (msgspec)
    from wayhome.lab import demo  # noqa: PLC0415
    from wayhome.report.names import shortened  # noqa: PLC0415

    started = time.perf_counter()
    chosen = _on_kubernetes(api_server) if api_server else CASES[case]()
    report = Report(console(), compile_estate(chosen.estate))
    with errors(lambda: predicted(chosen, as_json=as_json)):
        enter()
        folder = private_folder()
        if as_json:
            outcome = demo.run(chosen, folder)
        else:
            report.begin(chosen)
            erase = progress("building and starting ...")

            def built(start: demo.Start) -> None:
                erase()
                report.built(start)

            outcome = demo.run(chosen, folder, built, report.phase)
    if as_json:
        click.echo(json.dumps(document(outcome), indent=2))
        for ending in (ending for phase in outcome.phases for ending in phase.endings):
            click.echo(f"wayhome: the {shortened(printable(ending, lines=True))}", err=True)
    else:
        next_command = f"{own_command()} lab up {case}" if chosen.try_next else ""
        report.end(outcome, time.perf_counter() - started, next_command)
    sys.exit(0 if outcome.as_expected else 1)


def _on_kubernetes(api_server: str) -> Case:
    from wayhome.lab.the_case.kubernetes import the_case_on_kubernetes  # noqa: PLC0415

    try:
        command = tuple(shlex.split(api_server))
    except ValueError as error:
        raise click.UsageError(f"--api-server is no command: {error}") from error
    if not command:
        raise click.UsageError("--api-server names no command")
    return the_case_on_kubernetes(command)
