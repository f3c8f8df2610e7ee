"""Which addresses carry a network tag or a service account, for rules that name sources by them.

Only the primary addresses of interfaces in the rule's own network: not their alias ranges, so never a Pod's address,
and nothing beyond a peering.
"""

from collections import defaultdict
from collections.abc import Iterable

from wayhome.clouds.gcp.derive.interfaces import Addresses
from wayhome.prefixes import Prefix


class TaggedSources:
    """Addresses by network and tag, and by network and service account."""

    def __init__(self, addresses: Addresses) -> None:
        self._by_tag: dict[tuple[str, str], list[Prefix]] = defaultdict(list)
        self._by_account: dict[tuple[str, str], list[Prefix]] = defaultdict(list)
        for (network, _), interface in addresses.primary.items():
            value = interface.value
            own = [a.prefix for a in (value.network_ip, value.ipv6_address) if a is not None]
            instance = interface.instance.value
            for tag in instance.tags.items:
                self._by_tag[network, tag] += own
            for account in instance.service_accounts:
                self._by_account[network, account.email] += own

    def tagged(self, network: str, tags: Iterable[str]) -> list[Prefix]:
        """The addresses of a network's instances that have one of the tags."""
        return [prefix for tag in tags for prefix in self._by_tag.get((network, tag), ())]

    def with_accounts(self, network: str, accounts: Iterable[str]) -> list[Prefix]:
        """The addresses of a network's instances that run as one of the accounts."""
        return [
            prefix
            for account in accounts
            for prefix in self._by_account.get((network, account), ())
        ]
