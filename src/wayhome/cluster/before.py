"""The ConfigMap as it was before an apply, and the objects that each step of one declares. Pure.

Every step is one server-side apply as field manager `wayhome`, and each says all that is ours at that moment, so that
what a later step does not name any more is removed by the API server, and nobody else's field is ever named.

    candidate    config.next and the canary's annotation, beside config as it is
    everywhere   config; and, until it is proven, the old text under config.previous
    finished     config alone
    restored     what was ours before, with the old text

The annotation wayhome/nodes says how many nodes there are: agents, which may not list nodes, spread their writes by it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wayhome.cluster.ownership import declared
from wayhome.cluster.unfinished import (
    PREVIOUS_ANNOTATION,
    Previous,
    Unfinished,
    own_keys,
    previous_key,
    unfinished,
)
from wayhome.kube.canary import CANARY_NODES, candidate_key
from wayhome.kube.node_count import NODES_ANNOTATION
from wayhome.kube.objects import Key, Object, ObjectVersion, metadata
from wayhome.kube.resources import CONFIG_MAPS

LARGEST = 1024 * 1024
"""Bytes that the API server takes in a ConfigMap's data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """`text` is what is put back; None: there was none, and none is put back."""

    configmap: Key
    data_key: str
    existed: bool
    """Whether the object is to be there again after a roll-back."""
    there: ObjectVersion | None = None
    """The object as it is now; None where there is none."""
    text: str | None = None
    now: str | None = None
    """What stands under the key now. It is `text`, unless an earlier apply has not finished."""
    lost: bool = False
    """An earlier apply has not finished, and what was there before it was not kept."""
    left: Unfinished | None = None
    declared_text: bool = False
    """Our last apply declared it, so ours has to say it again."""
    nodes: str | None = None
    others_size: int = 0
    """Bytes of other keys."""


def before_of(configmap: Key, data_key: str, item: Object | None) -> Before:
    """What there is now, and what an unfinished apply says about what there was."""
    if item is None:
        return Before(configmap=configmap, data_key=data_key, existed=False)
    data = {str(k): str(v) for k, v in _mapping(item.get("data")).items()}
    binary = _mapping(item.get("binaryData"))
    annotations = _mapping(metadata(item).get("annotations"))
    ours = {data_key, *own_keys(data_key)}
    others = {key: text for key, text in (*data.items(), *binary.items()) if key not in ours}
    left = unfinished(item, data_key)
    now = data.get(data_key)
    text, existed, lost = now, True, False
    if left and left.previous:
        text = left.old_text
        existed = left.previous is not Previous.NO_OBJECT or bool(others)
        lost = left.previous in (Previous.NOT_KEPT, Previous.NOT_KNOWN)
    nodes = annotations.get(NODES_ANNOTATION)
    is_ours = ("metadata", "annotations", NODES_ANNOTATION) in declared(item)
    return Before(
        configmap=configmap,
        data_key=data_key,
        existed=existed,
        there=ObjectVersion.of(item),
        text=text,
        now=now,
        lost=lost,
        left=left,
        declared_text=("data", data_key) in declared(item),
        nodes=str(nodes) if nodes is not None and is_ours else None,
        others_size=sum(len(k) + len(str(v).encode()) for k, v in others.items()),
    )


def candidate(before: Before, text: str, canary: Iterable[str]) -> Object:
    """Some nodes are to try it."""
    data = {candidate_key(before.data_key): text}
    if before.declared_text and before.now is not None:
        data[before.data_key] = before.now
    return _object(before, data, {CANARY_NODES: ",".join(canary)} | _old_nodes(before))


def everywhere(before: Before, text: str, nodes: int | None) -> Object:
    """All nodes are to hold it; the old text is kept beside it as far as both fit."""
    previous = Previous.TEXT
    data = {before.data_key: text}
    old = before.text
    if before.lost:
        previous = (before.left and before.left.previous) or Previous.NOT_KNOWN
    elif not before.existed:
        previous = Previous.NO_OBJECT
    elif old is None:
        previous = Previous.NO_KEY
    elif before.others_size + len(text.encode()) + len(old.encode()) + 100 > LARGEST:
        previous = Previous.NOT_KEPT
    else:
        data[previous_key(before.data_key)] = old
    return _object(
        before,
        data,
        {PREVIOUS_ANNOTATION: previous.annotation(before.data_key)} | _nodes(before, nodes),
    )


def finished(before: Before, text: str, nodes: int | None) -> Object:
    """It is proven."""
    return _object(before, {before.data_key: text}, _nodes(before, nodes))


def restored(before: Before, *, taken: bool) -> Object:
    """As it was. `taken`: the key was written by us meanwhile, so it has to be said whoever said it before."""
    data = {}
    if before.text is not None and (taken or before.declared_text):
        data[before.data_key] = before.text
    return _object(before, data, _old_nodes(before))


def in_place_of(item: Object, there: ObjectVersion | None) -> Object:
    """The same, to be taken only in the place of that version of that object; None: only if nobody else has the key.

    The uid keeps a deleted object deleted: without one, an apply makes it anew.
    """
    if there is None:
        return item
    fixed = {"uid": there.uid, "resourceVersion": there.version}
    return {**item, "metadata": {**item["metadata"], **fixed}}


def _nodes(before: Before, nodes: int | None) -> dict[str, str]:
    return _old_nodes(before) if nodes is None else {NODES_ANNOTATION: str(nodes)}


def _old_nodes(before: Before) -> dict[str, str]:
    return {} if before.nodes is None else {NODES_ANNOTATION: before.nodes}


def _object(before: Before, data: Mapping[str, str], annotations: Mapping[str, str]) -> Object:
    namespace, name = before.configmap
    found: Object = {"namespace": namespace, "name": name}
    if annotations:
        found["annotations"] = dict(annotations)
    item: Object = {"apiVersion": CONFIG_MAPS.api_version, "kind": "ConfigMap", "metadata": found}
    return item | ({"data": dict(data)} if data else {})


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
