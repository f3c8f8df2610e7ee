"""`wayhome lab configmap`: what the API server and kubelet would show to the agents of the lab that is up."""

from collections.abc import Iterable
from pathlib import Path

import click

from wayhome.cli.lab_errors import errors
from wayhome.cli.printable import printable
from wayhome.kube.names import is_key
from wayhome.lab import remote

LARGEST_CONFIGMAP = 1024 * 1024
"""Bytes, as the API server has it."""


@click.command(short_help="Configure the agents of the lab.")
@click.option(
    "--from-file",
    "files",
    multiple=True,
    metavar="[KEY=]FILE",
    help="As `kubectl create configmap --from-file`: without KEY, the key is the file's name.",
)
@click.option("--delete", is_flag=True, help="Take the ConfigMap away, as `kubectl delete`.")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    help="Only on this node, and on others that are given so; without it, on all that have an agent.",
)
def configmap(files: tuple[str, ...], delete: bool, nodes: tuple[str, ...]) -> None:
    """Show a ConfigMap to the agents of the lab, as kubelet does on their nodes."""
    if delete == bool(files):
        raise click.UsageError("say either --from-file [KEY=]FILE or --delete")
    data = _data(files)
    with errors():
        state = remote.current()
        agents = remote.agents(state, nodes)
        changed = remote.configure(agents, data)
    wanted = list(dict.fromkeys(key for one in agents for key in one.items or data))
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


def _data(files: Iterable[str]) -> dict[str, bytes]:
    """A ConfigMap's data from `[KEY=]FILE`s, refused where the API server would refuse it."""
    data: dict[str, bytes] = {}
    for text in files:
        key, equals, name = text.rpartition("=")
        key = key if equals else Path(name).name
        if not is_key(key):
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
