"""What one place says of one attempt to reach a target, read from the document of the probe program. Pure.

The document comes out of a container, so nothing in it is trusted: texts are made printable, and addresses are such.
"""

import enum
import json
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from wayhome.kube.errors import NonsenseError
from wayhome.kube.objects import Object
from wayhome.kube.one_line import one_line
from wayhome.probe.observation import Protocol

Value = TypeVar("Value")


class Outcome(enum.StrEnum):
    """What became of an attempt."""

    REACHED = "reached"
    ANSWERED = "answered"
    """Something came back that is not what was asked for: a refusal, another protocol. A way there and back exists."""
    FAILED = "failed"
    IMPOSSIBLE = "impossible"
    """This place does not allow such an attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt. None and empty texts: not known."""

    protocol: Protocol
    outcome: Outcome
    detail: str = ""
    milliseconds: float | None = None
    seen_as: str | None = None
    """The address that the target says it saw."""
    left_as: str | None = None
    """The address that it left the node with, by the node's own record of connections."""
    source: str | None = None
    """The place's own address, before anybody translated it."""
    source_port: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """All attempts of one place, and the target's address as it is resolved there."""

    address: str | None
    attempts: tuple[Attempt, ...]


def read_document(text: bytes) -> Tried:
    """Raises NonsenseError."""
    try:
        found = json.loads(text)
        attempts = tuple(_attempt(each) for each in found["attempts"])
        return Tried(_known(found.get("address"), _address), attempts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NonsenseError("what the probe has printed is none of its documents") from error


def _attempt(found: Object) -> Attempt:
    port = found.get("source_port")
    milliseconds = found.get("milliseconds")
    return Attempt(
        protocol=Protocol(found["protocol"]),
        outcome=Outcome(found["outcome"]),
        detail=one_line(str(found.get("detail") or "")),
        milliseconds=_known(milliseconds, float),
        seen_as=_known(found.get("seen_source"), _address),
        source=_known(found.get("source"), _address),
        source_port=port if isinstance(port, int) and 0 < port < 65536 else None,
    )


def _known(value: object, read: Callable[[str], Value]) -> Value | None:
    return None if value is None else read(str(value))


def _address(text: str) -> str:
    return str(ip_address(text))
