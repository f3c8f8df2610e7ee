"""What two views of the same attempts mean: a Pod's and its node's. Pure.

The node's own packets have the node's address and know a way home wherever the node is known. So what reaches from the
node and is silent from the Pod lost its way because of the Pod's address, or because of a rule about it (a
NetworkPolicy, a firewall): `wayhome why` tells those apart. Silence is what counts: a refusal has found its way home.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from wayhome.cluster.probe_attempt import Attempt, Outcome
from wayhome.probe.observation import Protocol

BACK = (Outcome.REACHED, Outcome.ANSWERED)
"""A packet came back."""


class Meaning(enum.StrEnum):
    """Of one protocol."""

    WORKS = "works"
    ONLY_POD_FAILS = "only-the-pod-fails"
    ONLY_NODE_FAILS = "only-the-node-fails"
    BOTH_FAIL = "both-fail"
    ANSWERED = "answered-otherwise"
    POD_FAILS = "the-pod-fails"
    """And what its node sees is not known."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """One protocol, from both places; None where a place could not be asked."""

    protocol: Protocol
    pod: Attempt | None
    node: Attempt | None

    @property
    def meaning(self) -> Meaning:
        """What it means."""
        if self.pod is None or self.pod.outcome is Outcome.IMPOSSIBLE:
            return Meaning.UNKNOWN
        node = None if self.node is None else self.node.outcome
        if self.pod.outcome is Outcome.REACHED:
            return Meaning.ONLY_NODE_FAILS if node is Outcome.FAILED else Meaning.WORKS
        if self.pod.outcome is Outcome.ANSWERED:
            return Meaning.ANSWERED
        if node in BACK:
            return Meaning.ONLY_POD_FAILS
        return Meaning.BOTH_FAIL if node is Outcome.FAILED else Meaning.POD_FAILS

    @property
    def sentence(self) -> str:
        """For people."""
        pod = self.pod
        match self.meaning:
            case Meaning.UNKNOWN:
                return f"not known: {pod.detail}" if pod else "not known"
            case Meaning.WORKS | Meaning.ONLY_NODE_FAILS:
                return f"works, {_seen(pod)}" + (
                    ", and not from the node" if self.meaning is Meaning.ONLY_NODE_FAILS else ""
                )
            case Meaning.ONLY_POD_FAILS:
                return "only the Pod fails: probably no way home; try `wayhome why`"
            case Meaning.BOTH_FAIL:
                return "both fail: it is not the Pod's address alone"
            case Meaning.ANSWERED:
                return "the Pod is answered, and not with what was asked for: there is a way there and a way home"
            case Meaning.POD_FAILS:
                return "the Pod fails; whether its node does is not known"

    @property
    def is_the_targets_way(self) -> bool:
        """Whether it fails, or is answered otherwise, from both places alike."""
        return self.meaning is Meaning.BOTH_FAIL or (
            self.meaning is Meaning.ANSWERED
            and self.node is not None
            and self.node.outcome is Outcome.ANSWERED
        )


def exit_code(judged: Iterable[Judged], *, all_asked: bool) -> int:
    """0 works, 1 fails, 3 not known.

    `all_asked`: the user has named the protocols, and each counts. Else what works by one protocol works, as far as the
    others fail from the node just the same (a target that answers no echo), or cannot be attempted here.
    """
    found = list(judged)
    working = [one for one in found if one.meaning in (Meaning.WORKS, Meaning.ONLY_NODE_FAILS)]
    if working and not all_asked:
        found = [
            one for one in found if not (one.is_the_targets_way or one.meaning is Meaning.UNKNOWN)
        ]
    meanings = {one.meaning for one in found}
    if meanings - {Meaning.WORKS, Meaning.ONLY_NODE_FAILS, Meaning.UNKNOWN}:
        return 1
    return 3 if not found or Meaning.UNKNOWN in meanings else 0


def _seen(attempt: Attempt | None) -> str:
    if attempt and attempt.seen_as:
        return f"seen as {attempt.seen_as}"
    if attempt and attempt.left_as:
        return f"leaves the node as {attempt.left_as}"
    return "seen as what is not known: the target does not say it"
