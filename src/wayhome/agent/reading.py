"""What a look at the configuration's source may find. The file mode and the API mode share these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Present:
    """A configuration is there; whether it is a good one is not known yet."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """A successful look says that there is none. `hint` says why that may be, and what would mend it."""

    hint: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is not known whether there is one: the volume is gone, the API is down, permission is refused."""

    reason: str


Reading = Present | Missing | Unreadable
