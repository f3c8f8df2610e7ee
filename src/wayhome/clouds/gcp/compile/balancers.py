"""Internal load balancers: the interfaces behind a forwarding rule, as a destination and as a route's next hop.

A passthrough balancer leaves the destination as it is: its address belongs to all of its backends. Where the backends
are not exported, or a proxy stands in between (INTERNAL_MANAGED), what happens there is unknown.
"""

import shlex
from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.interfaces import Interface, interfaces
from wayhome.clouds.gcp.derive.next_hops import RUNNING
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import (
    BackendService,
    ForwardingRule,
    InstanceGroupMembers,
)
from wayhome.clouds.located import Located
from wayhome.network import Missing

PASSTHROUGH = "INTERNAL"
INTERNAL_SCHEMES = ("INTERNAL", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED")


def backends(estate: Estate, rule: Located[ForwardingRule]) -> tuple[Interface, ...] | Missing:
    """The running backends of a passthrough balancer, in the balancer's network."""
    value = rule.value
    if value.load_balancing_scheme != PASSTHROUGH or value.backend_service is None:
        return _unknown(rule, f"what {value.name} does with a connection")
    service = estate.get(BackendService, value.backend_service)
    if service is None:
        return _unknown(rule, f"the backends of {value.name}", "backend-services list")
    found: list[Interface] = []
    for backend in service.value.backends:
        members = estate.get(InstanceGroupMembers, f"{backend.group}/instances")
        if members is None:
            words = f"instance-groups list-instances {shlex.quote(backend.group.short)}"
            return _unknown(rule, f"the members of {backend.group.short}", words)
        found += _members(estate, members.value, value.network or "")
    return tuple(found)


def _members(estate: Estate, members: InstanceGroupMembers, network: str) -> Iterator[Interface]:
    for member in members.members:
        instance = estate.get(Instance, member.instance)
        if instance is not None and instance.value.status in (RUNNING, ""):
            for interface in interfaces(instance):
                if network in ("", interface.value.network):
                    yield interface
                    break


def _unknown(
    rule: Located[ForwardingRule], fact: str, words: str = "forwarding-rules list"
) -> Missing:
    return Missing(fact, command(words, "/".join(rule.name.split("/")[:2])))
