"""What Roles and bindings grant: those that the server holds, and those that a chart renders.

| binding            | to            | grants                                  |
| ------------------ | ------------- | --------------------------------------- |
| RoleBinding        | Role          | in its own namespace                    |
| RoleBinding        | ClusterRole   | the same rules, in its own namespace    |
| ClusterRoleBinding | ClusterRole   | everywhere, and what has no namespace   |

A binding whose role is not there grants nothing. A rule of several groups and resources grants every pair.

Source: Kubernetes, "Using RBAC Authorization"; "Authenticating", the groups of a service account.
"""

from collections.abc import Iterable, Iterator

from tests.kube.api_server.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    Object,
)
from tests.kube.api_server.rights import Rule
from tests.kube.api_server.store import Store

GROUP = ROLE.group
_ACCOUNT = "system:serviceaccount:"


def stored_rules(store: Store, user: str) -> tuple[Rule, ...]:
    """What the objects grant a user now."""
    bindings = [*store.all(ROLE_BINDING), *store.all(CLUSTER_ROLE_BINDING)]
    if not bindings:
        return ()
    return rules_of([*bindings, *store.all(ROLE), *store.all(CLUSTER_ROLE)], user)


def rules_of(items: list[Object], user: str) -> tuple[Rule, ...]:
    """`user` as the API names it; an account is system:serviceaccount:NAMESPACE:NAME."""
    found = {(item["kind"], _namespace(item), item["metadata"]["name"]): item for item in items}
    rules: list[Rule] = []
    for item in items:
        if item["kind"] in ("RoleBinding", "ClusterRoleBinding") and _binds(item, user):
            reference, namespace = item["roleRef"], _namespace(item)
            where = namespace if reference["kind"] == "Role" else ""
            role = found.get((reference["kind"], where, reference["name"]))
            rules += _granted(role, namespace) if role else ()
    return tuple(rules)


def groups_of(user: str) -> tuple[str, ...]:
    """The groups that an API server puts a known user into."""
    account = user.removeprefix(_ACCOUNT)
    if account == user:
        return ("system:authenticated",)
    kind, namespace = "system:serviceaccounts", account.partition(":")[0]
    return (kind, f"{kind}:{namespace}", "system:authenticated")


def _binds(binding: Object, user: str) -> bool:
    return any(_is(subject, user) for subject in binding.get("subjects") or ())


def _is(subject: Object, user: str) -> bool:
    if subject["kind"] == "ServiceAccount":
        return bool(user == f"{_ACCOUNT}{subject['namespace']}:{subject['name']}")
    if subject["kind"] == "Group":
        return subject["name"] in groups_of(user)
    return bool(subject["name"] == user)


def _granted(role: Object, namespace: str) -> Iterator[Rule]:
    for rule in role.get("rules") or ():
        verbs, resources = _texts(rule, "verbs"), _texts(rule, "resources")
        for group in _texts(rule, "apiGroups"):
            yield Rule(verbs, resources, namespace, _texts(rule, "resourceNames"), group)


def _texts(rule: Object, name: str) -> tuple[str, ...]:
    found: Iterable[str] = rule.get(name) or ()
    return tuple(found)


def _namespace(item: Object) -> str:
    return str(item["metadata"].get("namespace") or "")
