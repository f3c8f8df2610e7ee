"""`collected.json` while it comes about.

It says of every command that it was not read before the command is run: a run that is killed leaves no directory that
looks complete. What an earlier run recorded of other projects and clusters in the same directory stays.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from wayhome.clouds.collect.commands import Command
from wayhome.clouds.collect.files import write
from wayhome.clouds.knowledge import State
from wayhome.clouds.read.collected import FILE_NAME, Document, Entry

UNFINISHED = "wayhome collect was ended before it was read"


class Record:
    """What was asked for, and what became of it, in the order of the questions."""

    def __init__(self, directory: Path) -> None:
        """Raises msgspec.DecodeError where there is a `collected.json` that is none, OSError."""
        self._path = directory / FILE_NAME
        self._entries: dict[tuple[str, str], Entry] = {}
        if self._path.exists():
            earlier = msgspec.json.decode(self._path.read_bytes(), type=Document)
            self._entries = {(one.resource, one.scope): one for one in earlier.collected}

    def begun(self, commands: Iterable[Command]) -> None:
        """Commands are about to be run."""
        for command in commands:
            self._add(command, State.NOT_EXPORTED, UNFINISHED)
        self.write()

    def done(self, command: Command, reason: str) -> None:
        """A command has been run; `reason` says why it could not be read, if it could not."""
        self._add(command, State.NOT_READABLE if reason else State.EXPORTED, reason)

    def _add(self, command: Command, state: State, reason: str) -> None:
        self._entries[command.kind.KIND, command.scope] = Entry(
            resource=command.kind.KIND,
            scope=command.scope,
            state=state,
            file="" if state is State.NOT_READABLE else command.file,
            reason=reason,
            command=" ".join(command.argv),
        )

    def write(self) -> None:
        """Put it on the disk. Raises OSError."""
        document = msgspec.json.encode(Document(schema=1, collected=tuple(self._entries.values())))
        write(self._path, msgspec.json.format(document, indent=1) + b"\n")
