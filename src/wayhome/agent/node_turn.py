"""Which of several agents writes on a node: one after the other, each from the moment on at which the one before ends.

Who waits is healthy and not ready, and says whom it waits for.
"""

import asyncio
from contextlib import suppress

from wayhome.agent import http
from wayhome.agent.endpoints import waiting_paths
from wayhome.agent.lock import Holder, NodeLock
from wayhome.agent.logs import Log
from wayhome.agent.serving import Server

LOCK_INTERVAL = 5.0
"""Seconds between two attempts of a second agent that the first one's end does not wake."""


class NodeTurn:
    """This agent's. The node is its own as long as this object lives."""

    def __init__(self, address: tuple[str, int] | None, log: Log, stopping: asyncio.Event) -> None:
        """`address`: where health is asked for; None: nowhere. `stopping`: this agent is to end."""
        self._address = address
        self._log = log
        self._stopping = stopping
        self._lock: NodeLock | None = None

    async def taken(self) -> bool:
        """Take the node, as soon as no other agent has it. False if this one is told to end before."""
        lock = self._lock = NodeLock()
        said = False
        waiting: Server | None = None
        while not self._stopping.is_set():
            if lock.try_acquire():
                if waiting:
                    waiting.close()
                return True
            holder = _holder()
            if not said:
                said = True
                waiting = self._serve_while_waiting()
                pid = holder and holder.pid
                self._log.warning(
                    "waiting",
                    "another wayhome agent keeps this node's rules; this one takes over when it ends (whether two are "
                    "meant: `kubectl get daemonset --all-namespaces`)",
                    **({"holder": pid} if pid else {}),
                )
            await self._until_gone(holder)
        return False

    async def _until_gone(self, holder: Holder | None) -> None:
        """Until the holder's end, or that of LOCK_INTERVAL where it is not known, or until this agent is to stop."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        if holder:
            loop.add_reader(holder, gone.set)
        waiting = [asyncio.ensure_future(event.wait()) for event in (gone, self._stopping)]
        try:
            await asyncio.wait(
                waiting,
                timeout=None if holder else LOCK_INTERVAL,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for one in waiting:
                one.cancel()
            if holder:
                loop.remove_reader(holder)
                holder.close()

    def _serve_while_waiting(self) -> Server | None:
        """Healthy, or kubelet would start it anew again and again, and not ready.

        The agent that it waits for may have the same address: then that one answers.
        """
        if self._address is None:
            return None
        with suppress(OSError):
            return http.serve(*self._address, waiting_paths())
        return None


def _holder() -> Holder | None:
    """None if it has just ended, has not begun to listen, or too many wait for it."""
    try:
        return Holder()
    except OSError:
        return None
