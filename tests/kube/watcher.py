"""A process that watches ConfigMaps as an agent in a Pod does: `python -m tests.kube.watcher FOLDER NAME…`.

It prints a JSON line for each change of what they say, and its own memory with it.
"""

import asyncio
import json
import random
import sys
from pathlib import Path

import wayhome.agent.run  # noqa: F401  # what an agent has in memory besides
from wayhome.kube.client import Client
from wayhome.kube.configmap import Text
from wayhome.kube.configmap_watch import ConfigMapWatch
from wayhome.kube.in_cluster import in_cluster


def memory() -> float:
    """The most that this process had resident, in MiB."""
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmHWM"].split()[0]) / 1024


async def main(folder: Path, names: list[str]) -> None:
    def tell() -> None:
        said = watch.said
        line = {
            "said": type(said).__name__,
            "bytes": len(said.data) if isinstance(said, Text) else 0,
            "about": str(said)[:2000] if not isinstance(said, Text) else "",
            "memory": memory(),
        }
        print(json.dumps(line), flush=True)  # noqa: T201

    watch = ConfigMapWatch(
        Client(in_cluster(folder=folder), user_agent="wayhome-agent"),
        [("kube-system", name) for name in names],
        "config",
        changed=tell,
        random=lambda: random.random() / 10,  # always lucky, so that a test does not wait for long
    )
    await watch.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
