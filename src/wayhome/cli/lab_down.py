"""`wayhome lab down`: the end of the network that is kept up."""

import click

from wayhome.cli.lab_errors import errors
from wayhome.cli.printable import printable
from wayhome.lab import remote


@click.command()
def down() -> None:
    """End the lab that is up."""
    with errors():
        state = remote.down()
    click.echo(f"{printable(state.title)} is down; nothing of it is left")
