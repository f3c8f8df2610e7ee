"""Reviews: what somebody may do, asked of the API itself. Nothing of them is stored.

Everybody who is known may ask about himself (the ClusterRole system:basic-user, which every cluster has).

Source: Kubernetes, "Authorization", "Checking API access"; API reference, "SelfSubjectAccessReview",
"SelfSubjectRulesReview", "SubjectAccessReview" (authorization.k8s.io/v1).
"""

import json
from dataclasses import replace

from tests.kube.api_server.failure import bad_request
from tests.kube.api_server.kinds import (
    ACCESS_REVIEW,
    KINDS,
    OWN_ACCESS_REVIEW,
    OWN_RULES_REVIEW,
    Kind,
    Object,
)
from tests.kube.api_server.protobuf import MAGIC, decoded_access_review
from tests.kube.api_server.request import Asked, Request
from tests.kube.api_server.rights import EVERYTHING, Rights, Rule

OWN = (OWN_ACCESS_REVIEW, OWN_RULES_REVIEW)
REVIEWS = (*OWN, ACCESS_REVIEW)


def reviewed(rights: Rights, user: str, asked: Asked, request: Request) -> Object:
    """The review with its answer. Raises Failure."""
    item = _decoded(request.body)
    spec = item.get("spec")
    if not isinstance(spec, dict):
        raise bad_request("the body is no review")
    about = spec.get("user") or user if asked.kind is ACCESS_REVIEW else user
    status = _rules(rights, about, spec) if asked.kind is OWN_RULES_REVIEW else _access(rights, about, spec)  # fmt: skip
    kind = {"kind": asked.kind.kind, "apiVersion": asked.kind.api_version}
    return {**kind, "metadata": {}, "spec": spec, "status": status}


def _decoded(body: bytes) -> Object:
    try:
        found = decoded_access_review(body) if body.startswith(MAGIC) else json.loads(body)
    except ValueError as error:
        raise bad_request(f"error decoding the body: {error}") from None
    return found if isinstance(found, dict) else {}


def _access(rights: Rights, user: str, spec: Object) -> Object:
    attributes = spec.get("resourceAttributes")
    if not isinstance(attributes, dict):
        raise bad_request("resourceAttributes are what is judged here")
    group, plural = attributes.get("group", ""), attributes.get("resource", "")
    # Whether the resource exists is not asked: a rule may be about one that does not.
    kind = next((k for k in KINDS if (k.group, k.plural) == (group, plural)), None)
    wanted = Asked(
        attributes.get("verb", ""),
        kind or Kind(group, "v1", plural, plural),
        attributes.get("namespace", ""),
        attributes.get("name", ""),
        attributes.get("subresource", ""),
    )
    return {"allowed": rights.grants(user, wanted)}


def _rules(rights: Rights, user: str, spec: Object) -> Object:
    if not spec.get("namespace"):
        raise bad_request("no namespace on request")
    if rights.may_do_everything(user):
        found = [EVERYTHING]
    else:
        found = [rule for rule in rights.rules_of(user) if rule.namespace in ("", spec["namespace"])]  # fmt: skip
    rules = dict.fromkeys(replace(rule, namespace="") for rule in found)
    return {"resourceRules": [_rule(rule) for rule in rules], "nonResourceRules": [], "incomplete": False}  # fmt: skip


def _rule(rule: Rule) -> Object:
    said = {
        "verbs": list(rule.verbs),
        "apiGroups": [rule.group],
        "resources": list(rule.resources),
    }
    return said | ({"resourceNames": list(rule.names)} if rule.names else {})
