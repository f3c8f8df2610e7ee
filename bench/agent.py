"""The agent as people run it: a process, its configuration file, and its log."""

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bench.figure import NotReachedError
from bench.lists import List
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, ProgramError, start

SECONDS = 30.0
_numbers = itertools.count()


class Agent:
    """One agent in the calling thread's network, with upstream's command line. It ends with the block."""

    def __init__(
        self,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        launcher: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder / f"agent-{next(_numbers)}"
        self._folder.mkdir()
        self.config = self._folder / "config"
        self._arguments = tuple(arguments)
        self._launcher = tuple(launcher)
        self._environment = environment or {}

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Start it. What is to be there from the beginning is written before."""
        command = (sys.executable, "-OO", "-I", "-m", "wayhome.agent")  # as deploy/wayhome-agent
        flags = (
            *self._source,
            "--state=",
            "--log-format=json",
            "--backend=nftables",  # auto would take what it finds beside kube-proxy's rules
            *self._arguments,
        )
        program = Program(
            "the node", "the agent", (*self._launcher, *command, *flags), self._environment
        )
        with NetworkNamespace.current() as here:
            self._running = start(program, here, self._folder / "log")

    @property
    def _source(self) -> tuple[str, ...]:
        """The flags that say where the configuration comes from."""
        return (f"--config={self.config}",)

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "_running"):
            self._running.process.kill()
            self._running.process.wait()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running.process.pid

    def prepare(self, wanted: List | str) -> None:
        """Write a file beside the configuration, to be put in its place by `put`."""
        text = wanted if isinstance(wanted, str) else wanted.text()
        self.config.with_name(".new").write_text(text)

    def put(self) -> None:
        """The prepared file becomes the configuration, by a rename, as kubelet does it."""
        self.config.with_name(".new").rename(self.config)

    def write(self, wanted: List | str) -> None:
        """Both at once."""
        self.prepare(wanted)
        self.put()

    def applied(self, number: int) -> dict[str, Any]:
        """What the agent logged as the number-th change of the kernel's list (0: the first). Raises NotReachedError."""
        return self.logged("applied", number)

    def logged(self, event: str, number: int = 0) -> dict[str, Any]:
        """The number-th line of an event. Raises NotReachedError."""
        try:
            text = self._running.wait_until(lambda said: len(_of(event, said)) > number, SECONDS)
        except ProgramError as error:
            raise NotReachedError(str(error)) from error
        found: dict[str, Any] = json.loads(_of(event, text)[number])
        return found

    def alive(self) -> None:
        """Raise NotReachedError with the log if it ended."""
        if self._running.process.poll() is not None:
            raise NotReachedError(f"the agent ended:\n{self._running.text()}")


def _of(event: str, log: str) -> list[str]:
    complete = log[: log.rfind("\n") + 1]
    return [line for line in complete.splitlines() if f'"event": "{event}"' in line]


def without_bytecode(folder: Path) -> dict[str, str]:
    """An environment in which nothing, the standard library included, was compiled before."""
    empty = folder / f"bytecode-{next(_numbers)}"
    return {"PYTHONPYCACHEPREFIX": os.fspath(empty), "PYTHONDONTWRITEBYTECODE": "1"}
