"""A configuration as a file that upstream's agent and ours read: every key, in the block form of YAML."""

from wayhome.policy.configuration import Configuration
from wayhome.policy.lists import Lists
from wayhome.prefixes import Prefix


def written(configuration: Configuration, lists: Lists) -> str:
    """The file. It gives `masqueradeCIDRs` only where there are some: upstream's agent does not know the key."""
    lines = _list("nonMasqueradeCIDRs", lists.keep)
    if lists.masquerade:
        lines += _list("masqueradeCIDRs", lists.masquerade)
    lines += [
        f"masqLinkLocal: {_switch(lists.masq_link_local)}",
        f"masqLinkLocalIPv6: {_switch(lists.masq_link_local_ipv6)}",
        f"cidrLimit: {configuration.cidr_limit}",
        f"resyncInterval: {_duration(configuration.resync_interval)}",
    ]
    return "\n".join(lines) + "\n"


def _list(key: str, prefixes: tuple[Prefix, ...]) -> list[str]:
    if not prefixes:
        return [f"{key}: []"]
    # A colon means a mapping to YAML where a space follows it: quotes spare everybody that thought.
    texts = (str(prefix) for prefix in prefixes)
    return [f"{key}:", *(f'  - "{text}"' if ":" in text else f"  - {text}" for text in texts)]


def _switch(value: bool) -> str:
    return "true" if value else "false"


def _duration(seconds: float) -> str:
    """A duration that Go reads; it knows no exponents."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
