"""`wayhome collect`: the exports that `why` reads, by read-only commands, without secrets."""

import json
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from wayhome.cli.printable import printable

if TYPE_CHECKING:
    from wayhome.clouds.collect.collector import Done

FILE_NAME = "collected.json"


@click.command(short_help="Collect what `wayhome why` reads, with read-only commands.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="PROJECT",
    help="A Google Cloud project; its peers' projects are tried too.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    metavar="CONTEXT",
    help="A cluster, by its kubectl context.",
)
@click.option(
    "--node",
    metavar="NAME",
    help="The state of the node that this runs on, under its Kubernetes name.",
)
@click.option(
    "--run", "run_them", is_flag=True, help="Run the commands; without it they are only printed."
)
def collect(
    directory: Path,
    projects: tuple[str, ...],
    contexts: tuple[str, ...],
    node: str | None,
    run_them: bool,
) -> None:
    """Print the read-only commands that produce the exports of projects and clusters, or run them with --run.

    What is written to DIRECTORY holds no secrets: of every object only the fields are kept that `wayhome` reads. What may
    not be read is recorded, so that nothing takes its absence for an answer.

    Ends with 0, or with 1 if something could not be read.
    """
    if not (projects or contexts or node):
        raise click.UsageError("say what to collect: --project, --context or --node")
    if node and ("/" in node or node.startswith(".")):
        raise click.UsageError(f"{printable(node)} is no node's name")
    if not run_them:
        _print(directory, projects, contexts, node)
        return
    failed = _collected(directory, projects, contexts) if projects or contexts else 0
    if node:
        failed += _node(directory, node)
    sys.exit(1 if failed else 0)


@click.command(hidden=True)
@click.argument("resource")
def prune(resource: str) -> None:
    """Keep of what stands on standard input only what is read of a RESOURCE, such as Pod or compute#instance."""
    from wayhome.clouds.collect.prune import prune as pruned  # noqa: PLC0415 (msgspec)
    from wayhome.clouds.read.kinds import BY_KIND  # noqa: PLC0415

    kind = BY_KIND.get(resource)
    if kind is None:
        raise click.UsageError(
            f"{printable(resource)} is no resource that is read; one of {', '.join(BY_KIND)}"
        )
    try:
        document = json.load(sys.stdin)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"standard input is no JSON: {error}") from error
    json.dump(pruned(document, kind), sys.stdout, indent=1)
    click.echo()


def _print(
    directory: Path, projects: tuple[str, ...], contexts: tuple[str, ...], node: str | None
) -> None:
    """The commands as a shell takes them. `collect-prune` keeps secrets from the disk here as well."""
    from wayhome.clouds.collect.commands import of_context, of_project  # noqa: PLC0415
    from wayhome.clouds.collect.node import COMMANDS  # noqa: PLC0415

    commands = [one for project in projects for one in of_project(project)]
    commands += [one for context in contexts for one in of_context(context)]
    folders = {str(Path(directory, one.file).parent) for one in commands}
    if node:
        folders.add(str(directory / "nodes" / node))
    click.echo(f"mkdir -p {' '.join(map(shlex.quote, sorted(folders)))}")
    for one in commands:
        file = shlex.quote(str(directory / one.file))
        click.echo(
            f"{shlex.join(one.argv)} | wayhome collect-prune {shlex.quote(one.kind.KIND)} > {file}"
        )
    for argv, name in COMMANDS.values() if node else ():
        click.echo(
            f"{shlex.join(argv)} > {shlex.quote(str(directory / 'nodes' / str(node) / name))}  # on {printable(str(node))}"
        )
    if projects:
        click.echo(
            "# with --run, what follows from the answers is asked too: effective firewalls, routes of peerings, status of routers"
        )


def _collected(directory: Path, projects: tuple[str, ...], contexts: tuple[str, ...]) -> int:
    """Run it with a progress bar. Returns how much could not be read."""
    try:
        finished = collect_with_progress(directory, projects, contexts)
    except KeyboardInterrupt:
        click.echo(
            f"wayhome: ended; {printable(str(directory))} lacks what {FILE_NAME} in it calls not-exported. "
            "The same command again completes it",
            err=True,
        )
        raise
    failed = [one for one in finished if one.reason]
    for one in failed:
        click.echo(
            f"not readable: {printable(shlex.join(one.command.argv))}: {printable(one.reason)}",
            err=True,
        )
    click.echo(
        f"{len(finished) - len(failed)} of {len(finished)} commands were read into {printable(str(directory))}"
    )
    return len(failed)


def collect_with_progress(
    directory: Path, projects: tuple[str, ...], contexts: tuple[str, ...]
) -> "tuple[Done, ...]":
    """Collect, with a bar on a terminal's standard error. Ends the program where that is not possible."""
    import msgspec  # noqa: PLC0415 (only for this command)
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from wayhome.clouds.collect.collector import collect as run  # noqa: PLC0415
    from wayhome.clouds.collect.programs import NotInstalledError  # noqa: PLC0415

    console = Console(stderr=True)
    with (
        _ended_by_signals(),
        _unwritable(directory),
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("collecting", total=0)
        total = 0

        def begun(more: int) -> None:
            nonlocal total
            total += more
            progress.update(task, total=total)

        try:
            return run(
                directory, projects, contexts, begun=begun, done=lambda _: progress.advance(task)
            )
        except NotInstalledError as error:
            progress.stop()
            _end(str(error))
        except msgspec.DecodeError as error:
            progress.stop()
            _end(
                f"{directory / FILE_NAME} is there and not understood ({error}); remove it, or name another directory"
            )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """The programs that run do not hear what ends this one: it has to get so far as to end them."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda number, _: sys.exit(128 + number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _unwritable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _end(
            f"{directory} cannot be written: {error.strerror or error}; what is in it is not complete. "
            "The same command again completes it"
        )


def _node(directory: Path, name: str) -> int:
    from wayhome.clouds.collect.node import collect_node  # noqa: PLC0415

    failed = 0
    with _unwritable(directory):
        for answer in collect_node(directory, name):
            if answer.reason:
                failed += 1
                click.echo(f"not readable: {answer.command}: {printable(answer.reason)}", err=True)
    return failed


def _end(problem: str) -> NoReturn:
    click.echo(f"wayhome: {printable(problem)}", err=True)
    sys.exit(4)
