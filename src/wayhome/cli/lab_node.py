"""`wayhome lab exec`, `capture`: on one node of the lab that is up."""

import math
import os
from typing import BinaryIO

import click

from wayhome.cli.lab_errors import end, errors
from wayhome.cli.printable import printable
from wayhome.lab import remote
from wayhome.lab.capture import capture as capture_packets
from wayhome.lab.capture import open_capture
from wayhome.lab.programs import environment


def _number(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    """Click's ranges let NaN pass, which is no number."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("it is not a number of seconds")
    return value


@click.command(
    "exec",
    short_help="Run a command on a node.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(node: str, command: tuple[str, ...]) -> None:
    """Run a command on a node: `wayhome lab exec my-pod -- curl http://10.2.0.1/health`.

    NODE is a name that `wayhome lab status` shows, a longer one up to its full name, or an address of its own.
    Ends as the command ends. What it leaves running ends with the lab, and has its number among the lab's processes.
    """
    argv = command[1:] if command[0] == "--" else command
    if not argv:
        raise click.UsageError("say what to run, after `--`")
    with errors():
        remote.join(remote.current(), node)
        try:
            os.execvpe(argv[0], argv, environment())  # noqa: S606 (the user's own command)
        except FileNotFoundError:
            end(4, f"{printable(argv[0])} is not installed on this machine")


@click.command()
@click.argument("node")
@click.argument("file", type=click.File("wb"))
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, max=86400),
    callback=_number,
    help="When to stop, at most a day; without it, at Ctrl-C.",
)
def capture(node: str, file: BinaryIO, seconds: float | None) -> None:
    """Write what passes a node to a pcap file, which Wireshark and tcpdump read; `-` is standard output.

    NODE is called as for `exec`. A node that forwards shows each packet as it comes and as it leaves.
    """
    with errors():
        remote.join(remote.current(), node)
        with open_capture() as channel:
            count = capture_packets(channel, file, seconds)
    click.echo(f"{count} packets", err=True)  # the capture itself may go to standard output
