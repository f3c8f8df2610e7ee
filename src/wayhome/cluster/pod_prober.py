"""Tries what must be reached from a Pod's own network, for a change that has to prove itself (`must_reach`).

A change tries again and again, so one ephemeral container serves all attempts of a Pod, and is told of once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from wayhome.cluster.must_reach import MustReach, Prober, Tried
from wayhome.cluster.probe import Question, try_from_pod
from wayhome.cluster.probe_attempt import Outcome
from wayhome.cluster.probe_refused import NotAskedError
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError
from wayhome.kube.objects import Key
from wayhome.probe.observation import Protocol

_REACHED = {Outcome.REACHED: True, Outcome.ANSWERED: False, Outcome.FAILED: False}


def pod_prober(
    client: Client, said: Callable[[str], None], *, image: str = "", by_exec: bool = False
) -> Prober:
    """One that never raises. `said` is told of each ephemeral container that was added.

    `image`: of that container, where no agent of ours is on the node to name one. `by_exec`: none is added, and a
    program of the Pod's own tries.
    """
    one_at_a_time: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def tried(wanted: MustReach) -> Tried:
        namespace, pod = wanted.pod
        question = Question(
            namespace=namespace,
            pod=pod,
            target=wanted.target,
            protocols=(Protocol.TCP,),
            image=image,
            by_exec=by_exec,
        )
        try:
            async with one_at_a_time[wanted.pod]:
                found, used = await try_from_pod(client, question)
        except (NotAskedError, KubeError) as error:
            return Tried(None, str(error))
        if used and used.added:
            said(f"the ephemeral container {used.name} was added to {namespace}/{pod}; Kubernetes cannot remove it")  # fmt: skip
        (attempt,) = found.attempts
        return Tried(_REACHED.get(attempt.outcome), attempt.detail or attempt.outcome.value)

    return tried
