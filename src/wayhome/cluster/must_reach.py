"""What a change has to prove: Pods that must reach something, tried before it and after it.

Trying it is somebody else's (a `Prober`); here is what the answers mean. Pure.
"""

import enum
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from wayhome.kube.objects import Key
from wayhome.probe.target import Target, parse_target

SETTLE_SECONDS = 10.0
"""How long what must be reached may be lost, or may take after all agents have read a change."""


@dataclass(frozen=True, slots=True)
class MustReach:
    """A Pod, and where it must get a TCP connection to."""

    pod: Key
    target: Target

    def __str__(self) -> str:
        return f"{'/'.join(self.pod)} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Tried:
    """`reached` is None where it could not be tried; `detail` says why, or what was seen."""

    reached: bool | None
    detail: str


Prober = Callable[[MustReach], Awaitable[Tried]]


def parse_must_reach(text: str, namespace: str) -> MustReach:
    """`POD=HOST:PORT` or `NAMESPACE/POD=HOST:PORT`. Raises ValueError with what to write."""
    pod, _, where = text.partition("=")
    own, slash, name = pod.rpartition("/")
    if not name or "/" in own or (slash and not own) or not where:
        raise ValueError(f"{text!r} is none; write POD=HOST:PORT or NAMESPACE/POD=HOST:PORT")
    target = parse_target(where)
    if target.port is None:
        raise ValueError(f"{text!r} names no port; write POD=HOST:PORT")
    return MustReach((own or namespace, name), target)


@dataclass(frozen=True, slots=True)
class Proof:
    """One of them, before and after; `after` is None while it was not tried then."""

    wanted: MustReach
    before: Tried
    after: Tried | None = None

    @property
    def holds(self) -> bool:
        """Whether it is reached now."""
        return self.after is not None and self.after.reached is True

    @property
    def is_broken(self) -> bool:
        """Whether it was reached before and is not now."""
        return self.before.reached is True and self.after is not None and not self.holds

    def __str__(self) -> str:
        before = _said(self.before)
        if self.after is None:
            return f"{self.wanted}: {before} before the change"
        if self.holds:
            return f"{self.wanted}: {before} before the change, reached now"
        now = "cannot be tried now" if self.after.reached is None else "not reached now"
        told = f"{self.wanted}: {before} before the change, {now}: {self.after.detail}"
        failed_before = self.before.reached is False and self.after.reached is False
        return f"{told} (so it is not this change that broke it)" if failed_before else told


class Standing(enum.Enum):
    """Whether what must be reached is."""

    PROVEN = "proven"
    FAILED = "failed"
    OPEN = "open"


def standing(proofs: Sequence[Proof], passed: float, broken: float, proven_at: float) -> Standing:
    """What the proofs say now, `passed` seconds after the change.

    What was reached before proves nothing until `proven_at`, when all agents have read the change. Something that was
    reached before may be lost for a moment: only after SETTLE_SECONDS (`broken`) it is.
    """
    if all(proof.holds for proof in proofs):
        mended = all(proof.before.reached is False for proof in proofs)
        return Standing.PROVEN if mended or passed >= proven_at else Standing.OPEN
    if broken >= SETTLE_SECONDS or passed >= proven_at + SETTLE_SECONDS:
        return Standing.FAILED
    return Standing.OPEN


def _said(tried: Tried) -> str:
    return {True: "reached", False: "not reached", None: "could not be tried"}[tried.reached]
