"""Many light watchers in one process: the agents' own list-and-watch, without the agents around it.

    python -m bench.watchers KUBECONFIG NUMBER

It prints a line of JSON for each text, the one that they find at first too: the seconds since the epoch at which the
first, the middle and the last of them had it.
"""

import asyncio
import json
import resource
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from wayhome.kube.access import Access
from wayhome.kube.client import Client
from wayhome.kube.configmap import Said, Text
from wayhome.kube.configmap_watch import ConfigMapWatch
from wayhome.kube.kubeconfig import from_kubeconfig

CONFIG_MAP = ("kube-system", "ip-masq-agent")


@dataclass
class Crowd:
    """Who has which text, and since when."""

    number: int
    heard: dict[bytes, list[float]] = field(default_factory=dict)

    def hear(self, said: Said) -> None:
        """One of them says something else now."""
        if not isinstance(said, Text):
            return
        times = self.heard.setdefault(said.data, [])
        times.append(time.time())
        if len(times) == self.number:
            say(
                text=said.data.decode(),
                first=times[0],
                median=statistics.median(times),
                last=times[-1],
            )


class Watcher:
    """One of the crowd."""

    def __init__(self, access: Access, crowd: Crowd) -> None:
        self._crowd = crowd
        client = Client(access, user_agent="wayhome-bench")
        self._watch = ConfigMapWatch(client, [CONFIG_MAP], "config", changed=self._hear)

    async def run(self) -> None:
        """Watch. Never returns."""
        await self._watch.run()

    def _hear(self) -> None:
        self._crowd.hear(self._watch.said)


def say(**content: str | float) -> None:
    """Whoever started us waits for it."""
    print(json.dumps(content), flush=True)


async def main(kubeconfig: Path, number: int) -> None:
    """Watch until the process is ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(number)
    access = from_kubeconfig([kubeconfig])
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(Watcher(access, crowd).run())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
