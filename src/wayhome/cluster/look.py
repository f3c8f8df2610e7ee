"""Looks at everything in a cluster that says what its nodes do, once, with the rights that the operator has.

What may not be seen is a fact too: an `Unseen` in the place of the objects, with the API server's own sentence, so that
nothing that was not looked at counts as good. Everything else that goes wrong ends the look.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from wayhome.cluster.agent_sets import (
    DEFAULT_CONFIGMAP,
    AgentSet,
    agent_sets,
    configmap_of,
    contradiction,
)
from wayhome.cluster.nodes import ClusterNode, read_node
from wayhome.cluster.wanted import DATA_KEY
from wayhome.kube.client import Client, Selection
from wayhome.kube.errors import RefusedError
from wayhome.kube.objects import Key, Object, key_of
from wayhome.kube.resources import (
    CONFIG_MAPS,
    DAEMON_SETS,
    EGRESS_NAT_POLICIES,
    LEASES,
    NODES,
)
from wayhome.kube.status_lease import NAMESPACE, NodeStatus, from_lease

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Unseen:
    """`reason`: what the API server said."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen."""

    configmap: Key
    data_key: str
    status_namespace: str
    item: Object | Unseen | None
    """The ConfigMap."""
    others: Mapping[Key, Object | Unseen | None] = field(default_factory=dict)
    """The other ConfigMaps that agents unite with it."""
    elsewhere: tuple[Key, ...] | Unseen
    """ConfigMaps of that name in other namespaces."""
    nodes: Mapping[str, ClusterNode] | Unseen
    statuses: Mapping[str, NodeStatus] | Unseen
    """What agents say, by node."""
    agents: tuple[AgentSet, ...] | Unseen
    egress_policies: tuple[Object, ...] | Unseen
    """GKE's EgressNATPolicy objects: where there are any, GKE writes the ConfigMap from them."""
    contradiction: str = ""
    """Why it is doubtful that these are the ConfigMap and the Leases that count."""
    answers: frozenset[str] = frozenset()
    """Versions of the ConfigMap: an agent has answered when it has read one of these; none: whatever it has read."""
    said_before: Mapping[str, NodeStatus] = field(default_factory=dict)
    """What agents said just before the ConfigMap was removed, which has no version to be read: the same Lease is no answer."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. None: where the agents' own flags say, else where everybody has it."""

    configmap: Key | None = None
    status_namespace: str | None = None
    data_key: str | None = None


async def look(client: Client, places: Places) -> Facts:
    """Look. Raises KubeError for what is no matter of rights on one resource."""
    name = (places.configmap or DEFAULT_CONFIGMAP)[1]
    agents = await _seen(_agents(client, name))
    sets = () if isinstance(agents, Unseen) else agents
    configmap = places.configmap or configmap_of(sets)
    readers = [each for each in sets if each.tells and configmap in each.configmaps]
    told = next((each.status_namespace for each in readers), None)
    namespace = places.status_namespace or told or NAMESPACE
    key = next((each.data_key for each in readers), None)
    keys = [key for each in readers[:1] for key in each.configmaps if key != configmap]
    item, others, elsewhere, nodes, statuses, policies = await asyncio.gather(
        _seen(configmap_item(client, configmap)),
        asyncio.gather(*(_seen(configmap_item(client, key)) for key in keys)),
        _seen(_elsewhere(client, configmap)),
        _seen(nodes_by_name(client)),
        _seen(statuses_by_node(client, namespace)),
        _seen(_egress_policies(client)),
    )
    return Facts(
        configmap=configmap,
        data_key=places.data_key or key or DATA_KEY,
        status_namespace=namespace,
        item=item,
        others=dict(zip(keys, others, strict=True)),
        elsewhere=elsewhere,
        nodes=nodes,
        statuses=statuses,
        agents=agents,
        egress_policies=policies,
        contradiction=contradiction(sets, places.configmap, places.status_namespace),
    )


async def configmap_item(client: Client, configmap: Key) -> Object | None:
    """The newest there is; None where there is none."""
    try:
        return await client.get(CONFIG_MAPS, *configmap)
    except RefusedError as error:
        if error.code == 404:
            return None
        raise


async def nodes_by_name(client: Client) -> dict[str, ClusterNode]:
    """All Nodes, by name."""
    found: dict[str, ClusterNode] = {}
    async for page in client.pages(Selection(NODES)):
        found |= {node.name: node for node in map(read_node, page)}
    return found


async def _seen(asked: Awaitable[Found]) -> Found | Unseen:
    try:
        return await asked
    except RefusedError as error:
        if error.code != 403:
            raise
        return Unseen(error.message)


async def _agents(client: Client, configmap_name: str) -> tuple[AgentSet, ...]:
    listed = await client.list(Selection(DAEMON_SETS))
    return agent_sets(listed.items, configmap_name)


async def _elsewhere(client: Client, configmap: Key) -> tuple[Key, ...]:
    listed = await client.list(Selection(CONFIG_MAPS, name=configmap[1]))
    return tuple(key for item in listed.items if (key := key_of(item)) != configmap)


async def statuses_by_node(client: Client, namespace: str) -> dict[str, NodeStatus]:
    """What agents say, as the newest Leases have it."""
    listed = await client.list(Selection(LEASES, namespace), version="")
    return {status.node: status for status in map(from_lease, listed.items)}


async def _egress_policies(client: Client) -> tuple[Object, ...]:
    """Discovery is asked first: it is open to everybody, and a list of what does not exist would be 403 for most."""
    resource = EGRESS_NAT_POLICIES
    try:
        served = await client.document(f"/apis/{resource.api_version}")
    except RefusedError as error:
        if error.code == 404:
            return ()
        raise
    resources = served.get("resources")
    names = [r.get("name") for r in resources if isinstance(r, dict)] if isinstance(resources, list) else []  # fmt: skip
    if resource.plural not in names:
        return ()
    return tuple((await client.list(Selection(resource))).items)
