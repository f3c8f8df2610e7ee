"""Watches ConfigMaps by name and keeps what they say together, one reflector for each: RBAC grants names, not labels.

Until all of them were listed once, what they say is pending. When the API cannot be asked any more, it becomes
unknown, with the reason; an agent then keeps the last good configuration, as its table says. A permission that
is refused is told apart, because waiting does not mend it.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial

from wayhome.kube.backoff import Random
from wayhome.kube.client import Client, Selection
from wayhome.kube.collection import Change
from wayhome.kube.configmap import Pending, Said, Unknown, read_configmap, united
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.node_count import node_count
from wayhome.kube.objects import Key, Object
from wayhome.kube.reflector import Reflector
from wayhome.kube.resources import CONFIG_MAPS


class ConfigMapWatch:
    """Some ConfigMaps, as one node reads them."""

    def __init__(
        self,
        client: Client,
        keys: Sequence[Key],
        data_key: str,
        *,
        changed: Callable[[], None],
        node: str = "",
        random: Random = random.random,
    ) -> None:
        """`keys`: namespace and name of each. `node`: for canaries; empty where it is not known. `changed` is called on the event loop whenever `said` is another; it must not raise or wait."""
        self._changed = changed
        self._named = {
            key: _Named(key, partial(read_configmap, data_key=data_key, node=node), self._renew)
            for key in keys
        }
        self._reflectors = [
            Reflector(client, Selection(CONFIG_MAPS, *key), listener, random)
            for key, listener in self._named.items()
        ]
        self.said: Said = united({key: named.said for key, named in self._named.items()})
        """What they say now. An object that does not change is put in its place, so any thread may read it."""

    @property
    def nodes(self) -> int | None:
        """How many nodes the cluster has, where one of them says it."""
        counts = [named.nodes for named in self._named.values() if named.nodes is not None]
        return max(counts, default=None)

    async def run(self) -> None:
        """Watch. Never returns; ended by cancelling."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors:
                group.create_task(reflector.run())

    def _renew(self) -> None:
        said = united({key: named.said for key, named in self._named.items()})
        if said != self.said:
            self.said = said
            self._changed()


class _Named:
    """One of them: the reflector's listener."""

    def __init__(
        self,
        key: Key,
        read: Callable[[Key, Object | None], Said],
        renew: Callable[[], None],
    ) -> None:
        self._key = key
        self._read = read
        self._renew = renew
        self._item: Object | None = None
        self.said: Said = Pending(f"the API has not answered for {'/'.join(key)} yet")

    @property
    def nodes(self) -> int | None:
        return node_count(self._item)

    def changed(self, change: Change) -> None:
        self._item = change.item
        self._say()

    def current(self) -> None:
        self._say()

    def failed(self, error: KubeError) -> None:
        self.said = Unknown(why_unknown(self._key, error))
        self._renew()

    def _say(self) -> None:
        self.said = self._read(self._key, self._item)
        self._renew()


def why_unknown(key: Key, error: KubeError) -> str:
    """A sentence that names the cure where there is one."""
    namespace, name = key
    where = f"ConfigMap {namespace}/{name} cannot be read"
    if isinstance(error, RefusedError) and error.code == 403:
        return (
            f"{where}: {error.message}. A Role in {namespace} has to grant get, list and watch of configmaps with "
            f"resourceNames [{name}], and a RoleBinding to give it to this agent's service account"
        )
    if isinstance(error, RefusedError) and error.code == 401:
        return (
            f"{where}: the API server does not accept this agent's token; a new one from the kubelet is tried as "
            "soon as it is there"
        )
    return f"{where}: {error}"
