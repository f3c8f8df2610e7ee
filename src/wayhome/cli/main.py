"""`wayhome`: the group of all commands, and how each of them ends where it does not end by itself."""

import errno
import os
import signal
import sys
from typing import Any

import click

from wayhome import __version__
from wayhome.cli import dropped_interrupts
from wayhome.cli.lazy import LazyGroup

_PLACES = {
    "policy": "wayhome.cli.policy:policy",
    "node": "wayhome.cli.node:node",
    "routes": "wayhome.cli.routes:routes",
    "cluster": "wayhome.cli.cluster:cluster",
    "why": "wayhome.cli.why:why",
    "audit": "wayhome.cli.audit:audit",
    "diff": "wayhome.cli.diff:diff",
    "collect": "wayhome.cli.collect:collect",
    "collect-prune": "wayhome.cli.collect:prune",
    "lab": "wayhome.cli.lab:lab",
}


class _Wayhome(LazyGroup):
    """All commands."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command, and end it as a shell expects where it can neither finish nor fail by itself.

        Ctrl-C ends it by the signal: click's own exit code for that, 1, is a finding here.
        """
        dropped_interrupts.deliver_again()
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        except click.FileError as error:
            error.show()
            sys.exit(2)  # click's own, 1, is a finding here
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            click.echo(f"wayhome: the output could not be written: {error.strerror}", err=True)
            sys.exit(4)


@click.group(cls=_Wayhome, places=_PLACES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wayhome")
def wayhome() -> None:
    """An IP masquerade agent for Kubernetes, with the tools to see why a Pod cannot reach a private network."""


@wayhome.command(add_help_option=False)
def agent() -> None:
    """Keep this node's masquerade rules (runs until stopped)."""
    # Only for the list of commands: `wayhome agent` is started before click is imported, see wayhome.__main__.
