"""The rights that an agent in API mode has, as the issue of its manifests names them, and nothing more."""

from typing import Any

from tests.kube.api_server.rights import Rule
from tests.kube.steps import NAME, NAMESPACE

STATUS_NAMESPACE = "wayhome-status"
AGENT_RIGHTS = (
    Rule(("get", "list", "watch"), ("configmaps",), NAMESPACE, (NAME,)),
    Rule(("create",), ("events",), NAMESPACE),
    Rule(("get",), ("nodes",)),
    Rule(("create", "get", "patch"), ("leases",), STATUS_NAMESPACE, group="coordination.k8s.io"),
)


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
