"""What a kubelet does for the ephemeral containers of Pods that a test has given a place: runs them, says how they are.

ContainerCreating, then running with a real process, then terminated with its exit code; or ImagePullBackOff for an
image that the place does not have. Source: Kubernetes, "Pod Lifecycle", "Container states".
"""

import asyncio
import time

from tests.kube.api_server.containers import Containers
from tests.kube.api_server.kinds import POD, Key, Object
from tests.kube.api_server.store import Store, Written

STATUSES = "ephemeralContainerStatuses"


class Kubelet:
    """That of all nodes."""

    def __init__(self, store: Store, containers: Containers) -> None:
        self._store = store
        self._containers = containers
        self._begun: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        store.subscribe(POD, self._written)

    async def close(self) -> None:
        """Do nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _written(self, written: Written) -> None:
        item = written.item
        if item is None:
            return
        pod = (item["metadata"]["namespace"], item["metadata"]["name"])
        if pod not in self._containers.places:
            return
        for container in (item.get("spec") or {}).get("ephemeralContainers") or []:
            begun = (item["metadata"]["uid"], container["name"])
            if begun not in self._begun:
                self._begun.add(begun)
                task = asyncio.ensure_future(self._run(pod, container))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _run(self, pod: Key, container: Object) -> None:
        self._say(pod, container, {"waiting": {"reason": "ContainerCreating"}})
        images = self._containers.places[pod].images
        if images is not None and container["image"] not in images:
            message = f'Back-off pulling image "{container["image"]}": not found'
            self._say(
                pod, container, {"waiting": {"reason": "ImagePullBackOff", "message": message}}
            )
            return
        command = [*container["command"], *(container.get("args") or [])]
        process = await self._containers.start(pod, command, with_stdin=False)
        started = _now()
        self._say(pod, container, {"running": {"startedAt": started}})
        try:
            await process.wait()
        finally:
            await self._containers.end(process)
        code = process.returncode or 0
        ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
        times = {"startedAt": started, "finishedAt": _now()}
        self._say(pod, container, {"terminated": ended | times})

    def _say(self, pod: Key, container: Object, state: Object) -> None:
        item = self._store.get(POD, pod)
        if item is None:
            return
        status = item.get("status") or {}
        said = {each["name"]: each for each in status.get(STATUSES) or []}
        said[container["name"]] = {
            "name": container["name"],
            "image": container["image"],
            "state": state,
            "ready": False,
            "restartCount": 0,
        }
        self._store.put(POD, pod, {**item, "status": {**status, STATUSES: list(said.values())}})


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
