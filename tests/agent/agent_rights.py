"""The rights that an agent in API mode has: what the chart grants, and nothing more."""

from typing import Any

from tests.deploy.chart import objects
from tests.kube.api_server.rbac import rules_of

STATUS_NAMESPACE = "wayhome-status"
AGENT_RIGHTS = rules_of(objects(), "system:serviceaccount:wayhome:wayhome-agent")


def granted(call: dict[str, Any]) -> bool:
    """Whether one call of the server's record is within them."""
    return any(
        call["verb"] in rule.verbs
        and call["resource"] in rule.resources
        and call["group"] == rule.group
        and rule.namespace in ("", call["namespace"])
        and (not rule.names or call["name"] in rule.names)
        for rule in AGENT_RIGHTS
    )
