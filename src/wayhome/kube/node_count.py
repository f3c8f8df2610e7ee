"""How many nodes a cluster has, as its ConfigMap says: `wayhome cluster apply` can count them, agents may not list them.

Agents spread what all of them write at once over (nodes / 200) s. Pure.
"""

from wayhome.kube.objects import Object, metadata

NODES_ANNOTATION = "wayhome/nodes"
MOST_NODES = 1_000_000


def node_count(item: Object | None) -> int | None:
    """What the annotation says; None where it says nothing that is a number of nodes."""
    annotations = metadata(item).get("annotations") if item else None
    said = str(annotations.get(NODES_ANNOTATION, "")) if isinstance(annotations, dict) else ""
    if not (said.isascii() and said.isdecimal() and len(said) <= 7):
        return None
    return int(said) if 1 <= int(said) <= MOST_NODES else None
