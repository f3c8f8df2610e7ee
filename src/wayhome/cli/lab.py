"""`wayhome lab`: the case's network on this machine, to watch it run or to try things in it.

`run` needs nothing before and leaves nothing behind. `up` leaves a keeper in the background, which the other commands
join and `down` ends.
"""

import json
import math
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

import click

from wayhome.cli.printable import printable
from wayhome.lab import agent_log, remote
from wayhome.lab.capture import capture as capture_packets
from wayhome.lab.capture import open_capture
from wayhome.lab.case import Case
from wayhome.lab.cases import CASES
from wayhome.lab.mounts import private_folder
from wayhome.lab.namespaces import NamespaceRefusedError, enter
from wayhome.lab.programs import ProgramError, environment
from wayhome.lab.state import LabError, explained, lab_folder

LARGEST_CONFIGMAP = 1024 * 1024
"""Bytes, as the API server has it."""


def _number(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    """Click's ranges let NaN pass, which is no number."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("it is not a number of seconds")
    return value


CASE = click.argument("case", type=click.Choice(list(CASES)))


class _InOrder(click.Group):
    """Lists its commands in the order in which somebody needs them."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(self.commands)


@click.group(cls=_InOrder)
def lab() -> None:
    """A network of namespaces on this machine, with real packets, without root."""


@contextmanager
def _errors() -> Iterator[None]:
    """What can go wrong, as a message and an exit code."""
    try:
        yield
    except NamespaceRefusedError as refused:
        _end(4, f"{refused.reason}. This works instead:", refused.command)
    except LabError as error:
        _end(2, str(error))
    except ModuleNotFoundError as error:
        if error.name != "pyroute2":
            raise
        _end(4, "the lab is not installed; this installs it:", "pip install 'wayhome[cli,lab]'")
    except OSError as error:
        _end(4, explained(error))
    except ProgramError as error:
        _end(4, str(error))


def _end(code: int, *lines: str) -> NoReturn:
    click.echo(f"wayhome: {printable(lines[0], lines=True)}", err=True)
    for line in lines[1:]:
        click.echo(printable(line, lines=True), err=True)
    sys.exit(code)


@lab.command(short_help="Run a case, or flows of exported networks, and take it down again.")
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
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
@click.option(
    "--api-server",
    metavar="COMMAND",
    help="The case on Kubernetes: the agents watch this API server. The program gets --host, --port and --kubeconfig, "
    "and prints its URL.",
)
def run(
    what: tuple[str, ...],
    directory: Path | None,
    protocol: str | None,
    as_json: bool,
    api_server: str | None,
) -> None:
    """Build a case or an exported network, show what was seen in it, and take it down again.

    A CASE is run through its phases. With --from, what is predicted of each flow stands beside what was seen.

    Ends with 0 if everything was as expected, and with 1 if not.
    """
    if directory is not None:
        if api_server:
            raise click.UsageError("--api-server belongs to a case; leave it out with --from")
        _run_exports(directory, what, protocol, as_json=as_json)
    if protocol:
        raise click.UsageError("--protocol is that of a flow; it goes with --from")
    if len(what) != 1 or what[0] not in CASES:
        known = ", ".join(CASES)
        raise click.UsageError(f"say which case ({known}), or --from DIRECTORY")
    _run_case(what[0], api_server, as_json=as_json)


def _run_exports(
    directory: Path, what: tuple[str, ...], protocol: str | None, *, as_json: bool
) -> NoReturn:
    from wayhome.cli.lab_from import QuestionError, flows_of, show  # noqa: PLC0415 (msgspec; only for this command)
    from wayhome.lab.check import check as check_flows  # noqa: PLC0415
    from wayhome.lab.compiled import LabNetwork  # noqa: PLC0415

    try:
        network, asked = flows_of(directory, what, protocol)
    except QuestionError as error:
        _end(2, *error.lines)
    with _errors():
        enter()
        checked = check_flows(network, asked, LabNetwork)
    show(checked, directory, as_json=as_json)
    sys.exit(1 if checked.disagreements else 0)


def _run_case(case: str, api_server: str | None, *, as_json: bool) -> NoReturn:
    from wayhome.cli.lab_report import Report, console, document  # noqa: PLC0415 (rich)
    from wayhome.lab import demo  # noqa: PLC0415

    started = time.perf_counter()
    chosen = _on_kubernetes(api_server) if api_server else CASES[case]
    report = Report(console(), chosen)
    with _errors():
        enter()
        folder = private_folder()
        if as_json:
            outcome = demo.run(chosen, folder)
        else:
            report.begin(chosen)
            erase = _progress("building and starting ...")

            def built(start: demo.Start) -> None:
                erase()
                report.built(start)

            outcome = demo.run(chosen, folder, built, report.phase)
    if as_json:
        click.echo(json.dumps(document(outcome), indent=2))
        for ending in (ending for phase in outcome.phases for ending in phase.endings):
            click.echo(f"wayhome: the {printable(ending, lines=True)}", err=True)
    else:
        next_command = f"{_own_command()} lab up {case}" if chosen.try_next else ""
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


def _progress(text: str) -> Callable[[], None]:
    """Show a line on a terminal's standard error, until the function that is returned erases it."""
    if not sys.stderr.isatty():
        return lambda: None
    click.echo(f"  {text}", err=True, nl=False)
    return lambda: click.echo("\r\x1b[K", err=True, nl=False)


def _own_command() -> str:
    """How to call this program again: the scripts install it where no PATH finds it."""
    beside = Path(sys.executable).with_name("wayhome")
    if shutil.which("wayhome") or not beside.exists():
        return "wayhome"
    return shlex.quote(
        str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
    )


@lab.command(short_help="Keep a case up in the background.")
@CASE
def up(case: str) -> None:
    """Build a case and keep it up in the background, until `down`."""
    erase = _progress("building and starting ...")
    started = time.perf_counter()
    try:
        with _errors():
            state = remote.up(case)
    finally:
        erase()
    click.echo(
        f"{case} is up after {time.perf_counter() - started:.1f} s: {', '.join(state.nodes)}"
    )
    click.echo("Try:")
    for line in CASES[case].try_next:
        click.echo(f"  {_own_command()} lab {line.format(folder=shlex.quote(str(lab_folder())))}")


@lab.command(short_help="Show the nodes, and what the agents say.")
def status() -> None:
    """Show the lab that is up: its nodes, its agents, and what they said last."""
    with _errors():
        state = remote.current()
        click.echo(f"{state.case} is up; its keeper is process {state.keeper}")
        for node in CASES[state.case].topology.nodes:
            click.echo(f"  {node.name:<16} {', '.join(dict.fromkeys(map(str, node.addresses)))}")
        for node_name in CASES[state.case].agents:
            log = remote.agent_log(state, node_name)
            said = agent_log.events(log.read_text(errors="replace"))
            last = printable(said[-1].message) if said else "nothing"
            click.echo(f"agent on {node_name}: {last}\n  its log: {log}")


@lab.command(
    "exec",
    short_help="Run a command on a node.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(node: str, command: tuple[str, ...]) -> None:
    """Run a command on a node: `wayhome lab exec my-pod -- curl http://10.2.0.1/health`.

    Ends as the command ends. What it leaves running ends with the lab, and has its number among the lab's processes.
    """
    argv = command[1:] if command[0] == "--" else command
    if not argv:
        raise click.UsageError("say what to run, after `--`")
    with _errors():
        remote.join(remote.current(), node)
        try:
            os.execvpe(argv[0], argv, environment())  # noqa: S606 (the user's own command)
        except FileNotFoundError:
            _end(4, f"{printable(argv[0])} is not installed on this machine")


@lab.command()
@click.argument("node")
@click.argument("file", type=click.File("wb"))
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, max=86400),
    callback=_number,
    help="When to stop, at most a day; without it, at Ctrl-C.",
)
def capture(node: str, file: BinaryIO, seconds: float | None) -> None:
    """Write what passes a node to a pcap file."""
    with _errors():
        remote.join(remote.current(), node)
        with open_capture() as channel:
            count = capture_packets(channel, file, seconds)
    click.echo(f"{count} packets", err=True)  # the capture itself may go to standard output


@lab.command(short_help="Configure the agents of the lab.")
@click.option(
    "--from-file",
    "files",
    multiple=True,
    metavar="[KEY=]FILE",
    help="As `kubectl create configmap --from-file`: without KEY, the key is the file's name.",
)
@click.option("--delete", is_flag=True, help="Take the ConfigMap away, as `kubectl delete`.")
def configmap(files: tuple[str, ...], delete: bool) -> None:
    """Show a ConfigMap to the agents of the lab, as kubelet does on their nodes."""
    if delete == bool(files):
        raise click.UsageError("say either --from-file [KEY=]FILE or --delete")
    data = _data(files)
    with _errors():
        state = remote.current()
        changed = remote.configure(state, data)
    wanted = list(CASES[state.case].volume_items)
    if not changed:
        keys = f"the keys {', '.join(map(printable, data))}" if data else "no key"
        click.echo(
            f"nothing changed on the nodes: the ConfigMap has {keys}, and the volumes show only: {', '.join(wanted)}"
            if not data.keys() & set(wanted)
            else "nothing changed on the nodes: they hold this configuration already"
        )
    else:
        click.echo(
            "the volumes on the nodes are changed; `wayhome lab status` shows what the agents say"
        )


@lab.command()
def down() -> None:
    """End the lab that is up."""
    with _errors():
        state = remote.down()
    click.echo(f"{state.case} is down; nothing of it is left")


@lab.command(short_help="Hold the tracer's word against the kernel.")
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

    Every Pod and every instance asks every other one and every site, by TCP and by ICMP. Ends with 0 if both agree on
    each flow, on where it is lost and by what, and with 1 if not.
    """
    from wayhome.cli.lab_check import show  # noqa: PLC0415 (msgspec; only for this command)
    from wayhome.clouds.compile import compile_estate  # noqa: PLC0415
    from wayhome.clouds.read import UnreadableDirectoryError, read_estate  # noqa: PLC0415
    from wayhome.lab.check import check as check_flows  # noqa: PLC0415
    from wayhome.lab.compiled import LabNetwork  # noqa: PLC0415
    from wayhome.lab.questions import questions  # noqa: PLC0415
    from wayhome.lab.questions import sample as drawn  # noqa: PLC0415
    from wayhome.network import NetworkError  # noqa: PLC0415

    try:
        network = compile_estate(read_estate(directory))
    except UnreadableDirectoryError as error:
        _end(2, str(error))
    except NetworkError as error:
        _end(2, *(f"the exports contradict each other: {problem}" for problem in error.problems))
    asked = drawn(list(questions(network)), sample, seed)
    if not asked:
        _end(2, f"{directory} has no two ends between which a flow could be tried")
    with _errors():
        enter()
        checked = check_flows(network, asked, LabNetwork)
    show(checked, directory, as_json=as_json)
    sys.exit(1 if checked.disagreements else 0)


def _data(files: Iterable[str]) -> dict[str, bytes]:
    """A ConfigMap's data from `[KEY=]FILE`s, refused where the API server would refuse it."""
    data: dict[str, bytes] = {}
    for text in files:
        key, equals, name = text.rpartition("=")
        key = key if equals else Path(name).name
        if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) or key in (".", ".."):
            raise click.UsageError(
                f"{printable(key)!r} cannot be a ConfigMap's key; write letters, digits, -, _ and ."
            )
        if key in data:
            raise click.UsageError(f"the key {key} is given twice; leave one of them out")
        try:
            with Path(name).open("rb") as file:
                data[key] = file.read(LARGEST_CONFIGMAP + 1)
        except OSError as error:
            raise click.UsageError(f"{printable(name)}: {error.strerror}") from error
        if sum(map(len, data.values())) > LARGEST_CONFIGMAP:
            raise click.UsageError(
                f"a ConfigMap holds at most {LARGEST_CONFIGMAP:,} bytes, and this is more"
            )
    return data
