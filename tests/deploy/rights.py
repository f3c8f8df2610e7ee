"""What rendered Roles and bindings grant an account, as rules of the tests' API server.

Source: Kubernetes, "Using RBAC Authorization": a RoleBinding grants in its own namespace, a ClusterRoleBinding
everywhere; a rule of several groups and resources grants every pair.
"""

from collections.abc import Iterator

from tests.deploy.chart import Object
from tests.kube.api_server.rights import Rule


def rules_of(items: list[Object], account: str) -> tuple[Rule, ...]:
    """`account` as the API names it: system:serviceaccount:NAMESPACE:NAME."""
    return tuple(rule for binding in _bindings(items, account) for rule in _granted(items, binding))


def _bindings(items: list[Object], account: str) -> Iterator[Object]:
    for item in items:
        if item["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            names = {
                f"system:serviceaccount:{s['namespace']}:{s['name']}" for s in item["subjects"]
            }
            if account in names:
                yield item


def _granted(items: list[Object], binding: Object) -> Iterator[Rule]:
    namespace = binding["metadata"].get("namespace", "")
    reference = binding["roleRef"]
    (role,) = [
        item
        for item in items
        if (item["kind"], item["metadata"]["name"]) == (reference["kind"], reference["name"])
        and item["metadata"].get("namespace", "")
        == (namespace if reference["kind"] == "Role" else "")
    ]
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            verbs, resources = tuple(rule["verbs"]), tuple(rule["resources"])
            yield Rule(verbs, resources, namespace, tuple(rule.get("resourceNames", ())), group)
