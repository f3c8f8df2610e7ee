"""Writes the ConfigMap, each time in the place of exactly the version that is known, so that nobody is overwritten.

An answer that is lost does not say whether the write was done, nor does one that means nothing, nor one of 500 and
above: etcd may take a write for which the API server has stopped waiting. So it is looked at: what is there is either
ours, or what was there before (then it is written again), or somebody else's.
"""

import asyncio

from wayhome.cluster.before import in_place_of
from wayhome.cluster.look import configmap_item
from wayhome.cluster.ownership import MANAGER, last_writer
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, NonsenseError, RefusedError, UnreachableError
from wayhome.kube.objects import Key, Object, ObjectVersion, metadata
from wayhome.kube.resources import CONFIG_MAPS

LOOKS = 10
SECONDS_BETWEEN = 1.0


class MovedError(Exception):
    """The ConfigMap is another than the one that was written or read last; its text says by whom."""


class UnknownStateError(Exception):
    """Whether the last write was done is not known, and the API server does not answer."""


class Writer:
    """One ConfigMap. `there` is the version that we know; None: there is none."""

    def __init__(self, client: Client, configmap: Key, there: ObjectVersion | None) -> None:
        self._client = client
        self._configmap = configmap
        self.there = there

    @property
    def version(self) -> str:
        """The resourceVersion that we know; empty: there is no object."""
        return self.there.version if self.there else ""

    async def write(self, item: Object) -> Object:
        """Apply it. Raises MovedError, UnknownStateError, and RefusedError for what is refused for another reason."""
        for last in (False, True):
            try:
                # What is there is ours to overwrite only if it is the version that we know.
                written = await self._client.apply(
                    CONFIG_MAPS,
                    in_place_of(item, self.there),
                    MANAGER,
                    force=self.there is not None,
                )
            except KubeError as error:
                if isinstance(error, RefusedError) and error.code in (404, 409):
                    raise MovedError(await self.moved_by()) from error
                if not _may_be_done(error):
                    raise
                found = await self._look(error)
                if (ObjectVersion.of(found) if found else None) == self.there:
                    if last and isinstance(error, RefusedError):
                        raise
                    continue
                if found is None or not _says(found, item):
                    raise MovedError(await self.moved_by()) from error
                written = found
            self.there = ObjectVersion.of(written)
            return written
        raise UnknownStateError("its answer was lost twice, and the ConfigMap was as it had been")

    async def remove(self) -> None:
        """Delete it. Raises as `write`."""
        try:
            await self._client.delete(CONFIG_MAPS, *self._configmap, version=self.version)
        except KubeError as error:
            if isinstance(error, RefusedError) and error.code == 409:
                raise MovedError(await self.moved_by()) from error
            if _may_be_done(error):
                if await self._look(error) is not None:
                    raise UnknownStateError(str(error)) from error
            elif not (isinstance(error, RefusedError) and error.code == 404):
                raise
        self.there = None

    async def _look(self, error: KubeError) -> Object | None:
        for _ in range(LOOKS):
            await asyncio.sleep(SECONDS_BETWEEN)
            try:
                return await configmap_item(self._client, self._configmap)
            except KubeError:
                continue
        raise UnknownStateError(str(error)) from error

    async def moved_by(self) -> str:
        """A sentence on what somebody else has done to it."""
        name = "/".join(self._configmap)
        try:
            found = await configmap_item(self._client, self._configmap)
        except KubeError:
            return f"ConfigMap {name} was changed by somebody else meanwhile"
        if found is None:
            return f"ConfigMap {name} was deleted by somebody else meanwhile"
        version = ObjectVersion.of(found).version
        return f"ConfigMap {name} was changed by {last_writer(found)} meanwhile, and is at version {version}"


def _may_be_done(error: KubeError) -> bool:
    """Whether what was asked for may have been done in spite of the answer."""
    if isinstance(error, RefusedError):
        return error.code >= 500
    return isinstance(error, (UnreachableError, NonsenseError))


def _says(found: Object, applied: Object) -> bool:
    """Whether an object has everything that an apply declares."""
    data, annotations = found.get("data") or {}, metadata(found).get("annotations") or {}
    wanted = metadata(applied).get("annotations") or {}
    return all(data.get(k) == v for k, v in (applied.get("data") or {}).items()) and all(
        annotations.get(k) == v for k, v in wanted.items()
    )
