"""Values in exports that are more than text: references, addresses, prefixes and ports.

They are text as exported, so that they compare and print as the user knows them, with what they mean beside it. They
are checked where they are read: whoever holds one need not ask again whether it is valid.
"""

import re
from functools import lru_cache
from typing import Annotated, Any, Self

import msgspec

from wayhome.policy.findings import quote
from wayhome.prefixes import Family, Prefix, PrefixError, parse_address

LAST_PORT = 65535
_PORTS = re.compile(r"(?P<first>[0-9]{1,5})(-(?P<last>[0-9]{1,5}))?")
NETWORK_NAME = re.compile(r"projects/[^/]+/global/networks/[^/]+")
"""A VPC network's full name, which a name of a part of it begins with."""
_FULL = re.compile(r"(?:^|/)((?:projects|organizations|folders|locations)/.*)", re.DOTALL)


class Reference(str):
    """The full name of an object, however it was written: `projects/P/global/networks/N`.

    Exports mix URLs of several hosts and API versions, paths and bare names; a bare name stays one, and only the field
    that holds it says what it is relative to. `locations/global/firewallPolicies/123` belongs to no project.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Normalise any spelling."""
        full = _FULL.search(text)
        return super().__new__(cls, full[1] if full else text)

    @property
    def short(self) -> str:
        """The last part: the object's own name."""
        return self.rpartition("/")[2]

    @property
    def project(self) -> str:
        """`projects/P`, or nothing where the name is no full one of a project."""
        parts = self.split("/", 2)
        return "/".join(parts[:2]) if parts[0] == "projects" and len(parts) > 2 else ""


class NetworkReference(Reference):
    """A VPC network by its full name, which every object of Compute Engine says. Everything hangs on it."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Raises ValueError."""
        self = super().__new__(cls, text)
        if NETWORK_NAME.fullmatch(self) is None:
            raise ValueError("is no network's full name (projects/PROJECT/global/networks/NETWORK)")
        return self


def project_of(name: str) -> str:
    """`projects/P` of a full name; nothing where it is none of a project."""
    return Reference(name).project


class Cidr(str):
    """A prefix. A bare address is the prefix of that address; bits right of the prefix length do not count."""

    __slots__ = ("prefix",)
    prefix: Prefix

    def __new__(cls, text: str) -> Self:
        """Raises ValueError."""
        self = super().__new__(cls, text)
        self.prefix = _prefix(text)
        return self


class IpAddress(str):
    """An address. A prefix length behind it does not count: forwarding rules write theirs as `2600:1900::/96`."""

    __slots__ = ("family", "value")
    family: Family
    value: int

    def __new__(cls, text: str) -> Self:
        """Raises ValueError."""
        self = super().__new__(cls, text)
        try:
            self.family, self.value = parse_address(text.partition("/")[0])
        except ValueError:
            raise ValueError(f"is not an IP address ({quote(text)})") from None
        return self

    @property
    def prefix(self) -> Prefix:
        """The prefix of this address alone."""
        return Prefix(self.family, self.value, self.family.bits)


PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535)]
"""A port of Kubernetes', where 0 is none."""


class PortRange(str):
    """A port, or ports from the first to the last one: `22`, `8000-8080`."""

    __slots__ = ("first", "last")
    first: int
    last: int

    def __new__(cls, text: str) -> Self:
        """Raises ValueError."""
        self = super().__new__(cls, text)
        ports = _PORTS.fullmatch(text)
        if ports is None:
            raise ValueError(f"is no port, and no range of ports ({quote(text)})")
        self.first, self.last = int(ports["first"]), int(ports["last"] or ports["first"])
        if not self.first <= self.last <= LAST_PORT:
            raise ValueError(f"is no range of ports ({quote(text)})")
        return self


def _prefix(text: str) -> Prefix:
    try:
        return Prefix.parse(text)
    except PrefixError as error:
        problem, instead = error.problem, error.instead or ""
    try:
        return Prefix.parse(instead)  # an address alone, or bits to the right of the length
    except PrefixError:
        raise ValueError(f"{problem} ({quote(text)})") from None


@lru_cache(maxsize=1 << 18)
def _made(kind: type[str], text: str) -> str:
    return kind(text)


def decode_value(kind: type, value: Any) -> Any:
    """Make one of these values from text, as msgspec's `dec_hook`. The same text becomes the same object."""
    if not isinstance(value, str):
        raise TypeError("Expected `str`")
    return _made(kind, value)
