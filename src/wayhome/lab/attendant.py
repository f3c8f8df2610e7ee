"""The process in a lab that answers for its nodes and watches what dies, as long as the keeper keeps it up.

It is forked by the keeper once all is built, so that it costs no start and shares the keeper's memory. The keeper itself
does nothing: as the first process of its namespace it must neither fail nor be late to end it.
"""

import asyncio
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from wayhome.lab.answering import Answering
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.compiled.built import NodeLog
from wayhome.lab.deaths import Deaths
from wayhome.lab.syscalls import die_with_parent

PAUSE_SECONDS = 0.1
"""Between two writings."""


def start(built: BuiltNetwork, answering: Answering, folder: Path, not_its: Iterable[int]) -> int:
    """Return in the keeper with the number of the attendant, which closes the descriptors that are not its."""
    attendant = os.fork()
    if attendant:
        answering.close()
        return attendant
    status = 1
    try:
        for descriptor in not_its:
            os.close(descriptor)
        die_with_parent(signal.SIGKILL)
        asyncio.run(_attend(built, answering, folder))
        status = 0
    finally:
        os._exit(status)


async def _attend(built: BuiltNetwork, answering: Answering, folder: Path) -> None:
    loop, watch = asyncio.get_running_loop(), _Watch(folder)
    for log in built.logs:
        loop.add_reader(log.fileno(), watch.notice, log)
    await answering.serve()


class _Watch:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._deaths = Deaths()
        self._writing = False

    def notice(self, log: NodeLog) -> None:
        """Read what ended on a node, and write soon what died."""
        died = [self._deaths.add(sighted) for sighted in log.read()]
        if any(died) and not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._write)

    def _write(self) -> None:
        self._writing = False
        self._deaths.write(self._folder)
