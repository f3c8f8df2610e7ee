"""What scenarios of `wayhome cluster apply` have in common: a new configuration, and what became of it."""

import re
import shlex
import subprocess
import time
from collections.abc import Callable

from tests.operator.world import CONFIG, World

NEW = "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n  - 172.16.0.0/16\n"


NODES = ("a", "b", "c")


def content(world: World) -> tuple[dict[str, str], dict[str, str]] | None:
    """Data and annotations."""
    item = world.configmap()
    if item is None:
        return None
    return item.get("data") or {}, item["metadata"].get("annotations") or {}


def ours(world: World, text: str = CONFIG) -> None:
    """The ConfigMap as an earlier apply has left it."""
    world.apply(
        "wayhome", {"data": {"config": text}, "metadata": {"annotations": {"wayhome/nodes": "3"}}}
    )


def undo(world: World, output: str) -> None:
    """Do what the command line says undoes it."""
    program, *arguments = shlex.split(
        re.split(r"this (?:undoes it|puts back .*):\n", output)[1].splitlines()[0]
    )
    assert program == "kubectl"
    done = subprocess.run([program, *arguments], cwd=world.folder, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def wait_for(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def has(world: World, key: str) -> Callable[[], bool]:
    def found() -> bool:
        item = world.configmap()
        return bool(item) and key in ((item or {}).get("data") or {})

    return found


def patches(world: World) -> int:
    calls = world.server.control("GET", "calls")
    assert isinstance(calls, list)
    return sum(c["verb"] == "patch" and c["resource"] == "configmaps" for c in calls)


def deletions(world: World) -> int:
    calls = world.server.control("GET", "calls")
    assert isinstance(calls, list)
    return sum(c["verb"] == "delete" and c["resource"] == "configmaps" for c in calls)


def version_of(world: World) -> str:
    item = world.configmap()
    assert item is not None
    return str(item["metadata"]["resourceVersion"])
