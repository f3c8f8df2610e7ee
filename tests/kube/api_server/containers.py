"""Where programs of containers run: real processes on this machine, in a Pod's network where a test gives one.

A test says for a Pod how its network is entered (`nsenter --net=…`, in front of every command) and what its images
hold (a PATH). There is no file system of its own and no limit of memory.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.kube.api_server.kinds import Key


@dataclass(frozen=True, slots=True)
class Place:
    """Of one Pod. `images`: those that can be pulled; None: any."""

    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] | None = None


class NoSuchProgramError(Exception):
    """The image does not hold it, as a container runtime words it."""


class Containers:
    """All of them, and the processes that were started in them."""

    def __init__(self) -> None:
        self.places: dict[Key, Place] = {}
        self._processes: set[asyncio.subprocess.Process] = set()

    async def start(
        self, pod: Key, arguments: Sequence[str], *, with_stdin: bool
    ) -> asyncio.subprocess.Process:
        """Start a program in a Pod. Raises NoSuchProgramError."""
        place = self.places.get(pod, Place())
        environment = os.environ | dict(place.environment)
        program = shutil.which(arguments[0], path=environment["PATH"])
        if program is None:
            raise NoSuchProgramError(
                "error executing command in container: failed to exec in container: failed to start exec "
                f'"6e0fbd2e1f7d": OCI runtime exec failed: exec failed: unable to start container process: exec: '
                f'"{arguments[0]}": executable file not found in $PATH: unknown'
            )
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *place.prefix,
            program,
            *arguments[1:],
            stdin=pipe if with_stdin else nothing,
            stdout=pipe,
            stderr=pipe,
            env=environment,
        )
        self._processes.add(process)
        return process

    async def end(self, process: asyncio.subprocess.Process) -> None:
        """End one that has not, and let go of its pipes."""
        self._processes.discard(process)
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()

    async def close(self) -> None:
        """End all of them."""
        for process in tuple(self._processes):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
