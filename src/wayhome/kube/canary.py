"""A candidate for some nodes first: which key of a ConfigMap a node reads. Pure.

The candidate is the key `KEY.next` beside `KEY`, and an annotation names its nodes. Upstream's agents know neither and
go on with `KEY`; so does every node that is not named. A node that is named where there is no candidate is told of in
a warning and reads `KEY`: an unfinished roll-out must not take a configuration away.
"""

from collections.abc import Collection

from wayhome.kube.objects import Object, metadata
from wayhome.policy.findings import Finding, Severity

CANARY_NODES = "wayhome/canary-nodes"
"""The annotation: names of nodes, separated by commas."""


def candidate_key(data_key: str) -> str:
    """Where the candidate for `data_key` stands."""
    return f"{data_key}.next"


def canary_nodes(item: Object) -> frozenset[str]:
    """The nodes that a ConfigMap's annotation names."""
    annotations = metadata(item).get("annotations")
    said = annotations.get(CANARY_NODES) if isinstance(annotations, dict) else None
    return frozenset(name.strip() for name in str(said or "").split(",") if name.strip())


def key_of_node(
    item: Object, keys: Collection[str], data_key: str, node: str
) -> tuple[str, tuple[Finding, ...]]:
    """The key that `node` reads of those that the ConfigMap has, and what is to be said about that.

    `node` is empty where the agent does not know its name; nobody can name that.
    """
    candidate = candidate_key(data_key)
    if node not in canary_nodes(item):
        return data_key, ()
    if candidate in keys:
        return candidate, ()
    missing = Finding(
        Severity.WARNING,
        None,
        f"the annotation {CANARY_NODES} names this node, and there is no key {candidate}, so {data_key} counts",
        f"write the candidate to data.{candidate}, or remove the annotation",
    )
    return data_key, (missing,)
