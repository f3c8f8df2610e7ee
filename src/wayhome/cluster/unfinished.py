"""What an apply leaves on the ConfigMap until it is finished, so that one that was killed can be told and taken up.

    annotation wayhome/canary-nodes, key config.next      a candidate is tried on some nodes
    annotation wayhome/previous                           a new configuration is everywhere, and not proven yet

The second says what is to be put back if the proof fails: `config.previous` (that key of the ConfigMap holds the old
text; under another --key the name is that one's), `no key` (there was none), `no object` (the ConfigMap was made for
it), `not kept` (both texts together are larger than a ConfigMap may be), `not known` (an apply that went on from one of
which this was not known). Both are removed with the last write of an apply. Upstream's agents read one key and ignore
all of this.

Anybody who may write the ConfigMap may have written something else there: then it is not known what stood before.

Pure.
"""

import enum
from dataclasses import dataclass

from wayhome.kube.canary import canary_nodes, candidate_key
from wayhome.kube.objects import Object, metadata
from wayhome.policy.findings import quote

PREVIOUS_ANNOTATION = "wayhome/previous"


class Previous(enum.Enum):
    """What stood under the key before."""

    TEXT = "text"
    NO_KEY = "no key"
    NO_OBJECT = "no object"
    NOT_KEPT = "not kept"
    NOT_KNOWN = "not known"

    def annotation(self, data_key: str) -> str:
        """As it stands in the annotation."""
        return previous_key(data_key) if self is Previous.TEXT else self.value


def previous_key(data_key: str) -> str:
    """Where the old text stands until the new one is proven."""
    return f"{data_key}.previous"


def own_keys(data_key: str) -> tuple[str, str]:
    """Those that an apply has beside the configuration's until it is finished."""
    return candidate_key(data_key), previous_key(data_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What was found of an earlier apply."""

    data_key: str
    canary: tuple[str, ...] = ()
    candidate: str | None = None
    previous: Previous | None = None
    said: str = ""
    """The annotation."""
    old_text: str | None = None
    """Where `previous` is TEXT."""

    def __str__(self) -> str:
        if self.previous:
            kept = {
                Previous.TEXT: f"the text before it is kept under {previous_key(self.data_key)}",
                Previous.NO_KEY: "before it, the ConfigMap had no such key",
                Previous.NO_OBJECT: "before it, there was no ConfigMap",
                Previous.NOT_KEPT: "the text before it was too large to be kept beside it",
                Previous.NOT_KNOWN: f"what was before it is not known: {self._unknown}",
            }[self.previous]
            return f"an earlier `wayhome cluster apply` wrote the configuration and did not finish (run again, it goes on); {kept}"
        nodes = quote(", ".join(self.canary)) or "no node"
        return f"an earlier `wayhome cluster apply --canary` left its candidate ({candidate_key(self.data_key)}) on {nodes}"

    @property
    def _unknown(self) -> str:
        if self.said == Previous.TEXT.annotation(self.data_key):
            return f"the key {self.said}, which held it, is gone"
        return f"the annotation {PREVIOUS_ANNOTATION} says {quote(self.said)}"


def unfinished(item: Object, data_key: str) -> Unfinished | None:
    """What an earlier apply has left; None where nothing is."""
    data, annotations = _mapping(item.get("data")), _mapping(metadata(item).get("annotations"))
    canary = tuple(sorted(canary_nodes(item)))
    candidate = data.get(candidate_key(data_key))
    said = annotations.get(PREVIOUS_ANNOTATION)
    previous = _previous(None if said is None else str(said), data, data_key)
    if not canary and candidate is None and previous is None:
        return None
    old = data.get(previous_key(data_key))
    return Unfinished(
        data_key=data_key,
        canary=canary,
        candidate=candidate if isinstance(candidate, str) else None,
        previous=previous,
        said=str(said or ""),
        old_text=old if previous is Previous.TEXT and isinstance(old, str) else None,
    )


def _previous(said: str | None, data: Object, data_key: str) -> Previous | None:
    if said is None:
        return None
    found = next((one for one in Previous if one.annotation(data_key) == said), Previous.NOT_KNOWN)
    if found is Previous.TEXT and not isinstance(data.get(previous_key(data_key)), str):
        return Previous.NOT_KNOWN
    return found


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
