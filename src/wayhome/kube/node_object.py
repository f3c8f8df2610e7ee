"""What a Node says of its Pods' addresses. Pure.

`spec.podCIDRs` is what the node IPAM controller, or the cloud's, has given to the node: one range of each family. It is
set once in a Node's life and never changed; until then, and where something else gives out addresses, it is empty.

Source: Kubernetes API reference, "NodeSpec"; ValidateNodeUpdate in pkg/apis/core/validation.
"""

import json
from dataclasses import dataclass
from typing import Self

from wayhome.kube.objects import Object, metadata
from wayhome.kube.one_line import one_line
from wayhome.prefixes import Prefix, PrefixError


@dataclass(frozen=True, slots=True)
class NodeRanges:
    """One Node's identity and its Pod ranges."""

    node: str
    uid: str
    pod_cidrs: tuple[Prefix, ...]
    damaged: str = ""
    """A range that is none."""

    @classmethod
    def of(cls, node: str, item: Object) -> Self:
        """What the Node object says. Never raises."""
        spec = item.get("spec")
        spec = spec if isinstance(spec, dict) else {}
        ranges = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
        return cls._checked(node, str(metadata(item).get("uid", "")), ranges)

    @classmethod
    def remembered(cls, node: str, data: bytes | None) -> Self | None:
        """What `text` wrote; None for nothing, for another node's, and for what is damaged."""
        try:
            found = json.loads(data or b"null")
            ranges = cls._checked(found["node"], found["uid"], found["podCIDRs"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return ranges if ranges.node == node and not ranges.damaged else None

    @property
    def text(self) -> bytes:
        """To remember it."""
        ranges = [str(prefix) for prefix in self.pod_cidrs]
        return json.dumps({"node": self.node, "uid": self.uid, "podCIDRs": ranges}).encode()

    @classmethod
    def _checked(cls, node: str, uid: str, ranges: object) -> Self:
        found: list[Prefix] = []
        for text in ranges if isinstance(ranges, list) else [ranges]:
            try:
                found.append(Prefix.parse(str(text)))
            except PrefixError:
                return cls(node, uid, (), one_line(str(text), 60))
        return cls(node, uid, tuple(found))
