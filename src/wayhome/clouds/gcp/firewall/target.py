"""What firewall rules choose interfaces by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """An interface as a rule's target: two that are equal have the same firewall."""

    network: str
    region: str
    tags: frozenset[str] = frozenset()
    service_accounts: frozenset[str] = frozenset()
