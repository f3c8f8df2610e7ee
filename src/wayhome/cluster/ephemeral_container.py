"""A container of ours in somebody's Pod, from which its network can be probed: an ephemeral one, of the agent's image.

It joins the Pod's network and is under the same policies. What it may do is as little as the strictest Pod security
standard (`restricted`) asks for, and it only waits: probes are started in it through `pods/exec`. It ends by itself,
and at once when the Pod is to end. An ephemeral container cannot be removed from a Pod, nor started again: while one of
ours runs it is used again.

Source: Kubernetes, "Ephemeral Containers", "Pod Security Standards", "Pod Lifecycle" (container states).
"""

import asyncio
import secrets
from dataclasses import dataclass

from wayhome.cluster.probe_pod import PREFIX, Pod, read_pod
from wayhome.cluster.probe_refused import NotAskedError, missing_right
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.objects import Object
from wayhome.kube.resources import PODS

WAIT_SECONDS = 900
NOBODY = 65534
LOOK_SECONDS = 0.5
_HOPELESS = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}
_INSTEAD = "--exec probes from a container that the Pod has already"


@dataclass(frozen=True, slots=True)
class Used:
    """An ephemeral container that waits for probes. `added`: just now, and for this Pod's whole life."""

    name: str
    added: bool


def container(image: str) -> Object:
    """The container to add."""
    return {
        "name": f"{PREFIX}{secrets.token_hex(3)}",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["wayhome-agent", "probe", "wait", f"--seconds={WAIT_SECONDS}"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


async def running_container(client: Client, pod: Pod, image: str, seconds: float) -> Used:
    """One that runs in the Pod: one that is there, or a new one. Raises NotAskedError, KubeError."""
    if pod.prober:
        return Used(pod.prober, added=False)
    if pod.static:
        raise NotAskedError(f"{pod} is a static Pod, which takes no ephemeral container; {_INSTEAD}")  # fmt: skip
    if not image:
        raise NotAskedError(
            f"which image to probe with is not known, because no agent was found on {pod.node}; name the agent's with "
            f"--image, or {_INSTEAD}"
        )
    made = container(image)
    patch = {"spec": {"ephemeralContainers": [made]}}
    try:
        await client.strategic_patch(PODS, pod.namespace, pod.name, patch, "ephemeralcontainers")
    except RefusedError as error:
        raise _not_added(error, pod) from error
    try:
        async with asyncio.timeout(seconds):
            await _begun(client, pod, str(made["name"]), image)
    except TimeoutError as error:
        raise NotAskedError(
            f"the ephemeral container {made['name']} has not begun in {pod} within {seconds:g} s (an image may take longer "
            "to be pulled: --timeout)"
        ) from error
    return Used(str(made["name"]), added=True)


async def _begun(client: Client, pod: Pod, name: str, image: str) -> None:
    while True:
        now = read_pod(await client.get(PODS, pod.namespace, pod.name))
        _, state = now.ephemeral.get(name, ("", None))
        if now.unfit:
            raise NotAskedError(now.unfit)
        if state and state.kind == "running":
            return
        if state and (state.kind == "terminated" or state.reason in _HOPELESS):
            raise NotAskedError(
                f"the ephemeral container {name} of {image} does not run in {pod}: {state}; --image names another image, "
                f"and {_INSTEAD}"
            )
        await asyncio.sleep(LOOK_SECONDS)


def _not_added(error: RefusedError, pod: Pod) -> KubeError | NotAskedError:
    if right := missing_right(error, pod.namespace):
        return NotAskedError(
            f"{right}, which an ephemeral container in {pod} takes; {_INSTEAD}, and takes `pods/exec` alone"
        )
    if error.code in (404, 405) and "ephemeral" not in error.message:
        return NotAskedError(f"{pod} is gone, or this API server has no ephemeral containers (before 1.25); {_INSTEAD}")  # fmt: skip
    return NotAskedError(f"no ephemeral container can be added to {pod}: {error}; {_INSTEAD}")
