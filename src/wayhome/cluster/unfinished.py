"""What an apply leaves on the ConfigMap until it is finished, so that one that was killed can be told and taken up.

    annotation wayhome/canary-nodes, key config.next      a candidate is tried on some nodes
    annotation wayhome/previous                           a new configuration is everywhere, and not proven yet

The second says what is to be put back if the proof fails: `config.previous` (that key of the ConfigMap holds the old
text), `no key` (there was none), `no object` (the ConfigMap was made for it), `not kept` (both texts together are
larger than a ConfigMap may be). Both are removed with the last write of an apply. Upstream's agents read one key and
ignore all of this.

Pure.
"""

import enum
from dataclasses import dataclass

from wayhome.kube.canary import canary_nodes, candidate_key
from wayhome.kube.objects import Object, metadata
from wayhome.policy.findings import quote

PREVIOUS_ANNOTATION = "wayhome/previous"


class Previous(enum.StrEnum):
    """What stood under the key before."""

    TEXT = "config.previous"
    NO_KEY = "no key"
    NO_OBJECT = "no object"
    NOT_KEPT = "not kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What was found of an earlier apply."""

    canary: tuple[str, ...] = ()
    candidate: str | None = None
    previous: Previous | None = None
    old_text: str | None = None
    """Where `previous` is TEXT."""

    def __str__(self) -> str:
        if self.previous:
            kept = {
                Previous.TEXT: "the text before it is kept under config.previous",
                Previous.NO_KEY: "before it, the ConfigMap had no such key",
                Previous.NO_OBJECT: "before it, there was no ConfigMap",
                Previous.NOT_KEPT: "the text before it was too large to be kept beside it",
            }[self.previous]
            return f"an earlier `wayhome cluster apply` wrote the configuration and did not finish (run again, it goes on); {kept}"
        nodes = quote(", ".join(self.canary)) or "no node"
        return f"an earlier `wayhome cluster apply --canary` left its candidate (config.next) on {nodes}"


def unfinished(item: Object, data_key: str) -> Unfinished | None:
    """What an earlier apply has left; None where nothing is."""
    data, annotations = _mapping(item.get("data")), _mapping(metadata(item).get("annotations"))
    canary = tuple(sorted(canary_nodes(item)))
    candidate = data.get(candidate_key(data_key))
    previous = _previous(annotations.get(PREVIOUS_ANNOTATION), data, data_key)
    if not canary and candidate is None and previous is None:
        return None
    old = data.get(f"{data_key}.previous")
    return Unfinished(
        canary=canary,
        candidate=candidate if isinstance(candidate, str) else None,
        previous=previous,
        old_text=old if previous is Previous.TEXT and isinstance(old, str) else None,
    )


def _previous(said: object, data: Object, data_key: str) -> Previous | None:
    if said is None:
        return None
    try:
        found = Previous(str(said))
    except ValueError:
        return Previous.NOT_KEPT
    if found is Previous.TEXT and not isinstance(data.get(f"{data_key}.previous"), str):
        return Previous.NOT_KEPT
    return found


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
