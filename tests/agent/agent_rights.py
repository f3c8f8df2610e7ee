"""The rights that an agent in API mode has: what the chart grants, and nothing more."""

from functools import cache
from typing import Any

from tests.deploy.chart import objects
from tests.kube.api_server.rbac import rules_of
from tests.kube.api_server.rights import Rule

STATUS_NAMESPACE = "wayhome-status"


@cache
def agent_rights() -> tuple[Rule, ...]:
    """Rendered when they are asked for: a conftest.py imports this, and rendering starts threads (tests/deploy/chart.py)."""
    return rules_of(objects(), "system:serviceaccount:wayhome:wayhome-agent")


def granted(call: dict[str, Any]) -> bool:
    """Whether one call of the server's record is within them."""
    return any(
        call["verb"] in rule.verbs
        and call["resource"] in rule.resources
        and call["group"] == rule.group
        and rule.namespace in ("", call["namespace"])
        and (not rule.names or call["name"] in rule.names)
        for rule in agent_rights()
    )
