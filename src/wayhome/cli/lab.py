"""`wayhome lab`: a case's network, or that of any exports, on this machine: to watch it or to try things in it.

`run` needs nothing before and leaves nothing behind. `up` leaves a keeper in the background, which the other commands
join and `down` ends.
"""

import click

from wayhome.cli.lazy import LazyGroup

_PLACES = {
    "run": "wayhome.cli.lab_run:run",
    "up": "wayhome.cli.lab_up:up",
    "status": "wayhome.cli.lab_status:status",
    "exec": "wayhome.cli.lab_node:exec_",
    "capture": "wayhome.cli.lab_node:capture",
    "configmap": "wayhome.cli.lab_configmap:configmap",
    "down": "wayhome.cli.lab_down:down",
    "check": "wayhome.cli.lab_check:check",
}


@click.group(cls=LazyGroup, places=_PLACES)
def lab() -> None:
    """A network of namespaces on this machine, with real packets, without root."""
