"""The agent of one node: its Pod, and what its programs say when they are started in its container."""

import json

from wayhome.cluster.probe_attempt import Attempt, Tried, read_document
from wayhome.cluster.probe_pod import Pod, read_pod
from wayhome.cluster.probe_refused import NotAskedError, missing_right, not_executed
from wayhome.kube.client import Client, Selection
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.exec import Command, Completed, execute
from wayhome.kube.objects import Object
from wayhome.kube.one_line import one_line
from wayhome.kube.resources import PODS
from wayhome.probe.observation import Protocol
from wayhome.probe.target import Target

CONTAINER = "wayhome-agent"
PROGRAM = "wayhome-agent"
LABELS = "app.kubernetes.io/name=wayhome-agent"
NAMESPACES = ("wayhome", "kube-system")
"""Ours, and that of an agent whose place was taken over."""
PATIENCE = 10.0
"""Seconds besides what the program itself takes: its start, and the way to it."""


async def agent_pod(client: Client, node: str) -> Pod:
    """The Pod of the agent that runs on a node. Raises NotAskedError."""
    everywhere = Selection(PODS, labels=LABELS, node=node)
    try:
        listed = (await client.list(everywhere)).items
    except RefusedError as error:
        if not missing_right(error, ""):
            raise NotAskedError(f"the agent of {node} cannot be looked for: {error}") from error
        listed = await _in_its_namespaces(client, node)
    for pod in map(read_pod, listed):
        if pod.phase == "Running" and not pod.ending and CONTAINER in pod.images:
            return pod
    raise NotAskedError(f"no agent of wayhome runs on {node}")


async def _in_its_namespaces(client: Client, node: str) -> list[Object]:
    """Who may not list the Pods of all namespaces may be allowed to in those where agents usually are."""
    found: list[Object] = []
    refused: list[str] = []
    for namespace in NAMESPACES:
        try:
            found += (await client.list(Selection(PODS, namespace, labels=LABELS, node=node))).items
        except KubeError as error:
            refused.append(missing_right(error, namespace) or str(error))
    if len(refused) == len(NAMESPACES):
        raise NotAskedError(f"the agent of {node} cannot be looked for: {refused[0]}")
    return found


async def probed_in(
    client: Client,
    pod: Pod,
    container: str,
    protocols: tuple[Protocol, ...],
    target: Target,
    *,
    seconds: float,
) -> Tried:
    """Run the probe program in a container of the agent's image. Raises NotAskedError."""
    arguments = (PROGRAM, "probe", f"--seconds={seconds:g}", ",".join(protocols), str(target))
    done = await _run(client, pod, container, arguments, 2 * seconds + PATIENCE)
    try:
        return read_document(done.stdout)
    except KubeError as error:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing"]
        raise NotAskedError(
            f"the probe in {pod} ended with {done.exit_code} and said: {one_line(said[0])}"
        ) from error


async def left_as(client: Client, agent: Pod, attempt: Attempt, destination: Target) -> str | None:
    """The address that an attempt left the agent's node with; None where that is not known."""
    if attempt.source is None or attempt.source_port is None:
        return None
    protocol = "icmp" if attempt.protocol is Protocol.ICMP else "tcp"
    source = str(Target(attempt.source, attempt.source_port))
    arguments = (PROGRAM, "query", "translation", protocol, source, str(destination))
    try:
        done = await _run(client, agent, CONTAINER, arguments, PATIENCE)
        found = json.loads(done.stdout)
        return one_line(str(found["source"]), 64) if found.get("known") is True else None
    except (NotAskedError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


async def _run(
    client: Client, pod: Pod, container: str, arguments: tuple[str, ...], seconds: float
) -> Completed:
    command = Command(pod.namespace, pod.name, container, arguments)
    try:
        return await execute(client, command, seconds=seconds)
    except KubeError as error:
        raise not_executed(error, pod.namespace, f"{pod}, container {container}") from error
