"""What a look at the configuration's source may find. The file mode and the API mode share these.

A file has no version; what comes from the API has one, and says which objects it was read from. The versions are
opaque: they are compared for equality and shown, never ordered.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wayhome.policy import Finding

if TYPE_CHECKING:  # file mode does not import the API's package
    from wayhome.kube.objects import ObjectVersion


@dataclass(frozen=True, slots=True)
class Present:
    """A configuration is there; whether it is a good one is not known yet."""

    data: bytes
    version: str = ""
    """The ConfigMap's resourceVersion; of several: `NAMESPACE/NAME=VERSION,…`, sorted."""
    key: str = ""
    """The ConfigMap's key that it stands under."""
    notes: tuple[Finding, ...] = ()
    """Warnings about where it stands; those about the text are found later."""
    objects: "tuple[ObjectVersion, ...]" = ()
    candidate: bool = False
    """It stands under another key than the configuration of most nodes, so what is said of it names its key."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """There is an object that should hold a configuration, and none in it; the findings say what to write."""

    findings: tuple[Finding, ...]
    version: str = ""
    objects: "tuple[ObjectVersion, ...]" = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A successful look says that there is none. `hint` says why that may be, and what would mend it."""

    hint: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is not known whether there is one: the volume is gone, the API is down, permission is refused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """It is not known yet: the source was asked just now, and the answer is on its way."""

    reason: str


Reading = Present | Wrong | Missing | Unreadable | Pending
