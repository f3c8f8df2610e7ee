"""`wayhome collect`: the exports that `why` reads, by read-only commands, without secrets."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from wayhome.cli.printable import printable

if TYPE_CHECKING:
    from wayhome.clouds.collect.collector import Done


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
    finished = collect_with_progress(directory, projects, contexts)
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
    """Collect, with a bar on a terminal's standard error. Ends the program where a tool is missing."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from wayhome.clouds.collect.collector import NotInstalledError  # noqa: PLC0415
    from wayhome.clouds.collect.collector import collect as run  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("collecting", total=0)
        total = 0

        def begun(more: int) -> None:
            nonlocal total
            total += more
            progress.update(task, total=total)

        try:
            finished = run(
                directory, projects, contexts, begun=begun, done=lambda _: progress.advance(task)
            )
        except NotInstalledError as error:
            progress.stop()
            _end(str(error))
        except OSError as error:
            progress.stop()
            _end(f"{directory}: {error.strerror or error}")
    return finished


def _node(directory: Path, name: str) -> int:
    from wayhome.clouds.collect.node import collect_node  # noqa: PLC0415

    failed = 0
    if "/" in name or name.startswith("."):
        raise click.UsageError(f"{printable(name)} is no node's name")
    for answer in collect_node(directory, name):
        if answer.reason:
            failed += 1
            click.echo(f"not readable: {answer.command}: {printable(answer.reason)}", err=True)
    return failed


def _end(problem: str) -> NoReturn:
    click.echo(f"wayhome: {printable(problem)}", err=True)
    sys.exit(4)
