"""The case's estate, changed: what a test needs besides is said as a change of the exports."""

from pathlib import Path
from typing import Any

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.located import Located
from wayhome.clouds.read import read_estate
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.network import Evidence

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"
CLUSTER = "projects/source-project/locations/asia-northeast1-a/clusters/my-gke"
LIST = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"


def the_case() -> Estate:
    return read_estate(EXPORTS)


def with_config_map(estate: Estate, key: str, text: str, namespace: str = "kube-system") -> Estate:
    name = f"{CLUSTER}/k8s/namespaces/{namespace}/configmaps/ip-masq-agent"
    value = ConfigMap(
        metadata=Metadata(name="ip-masq-agent", namespace=namespace), data={key: text}
    )
    return estate.with_changes(created=[Located(value, Evidence(name, "configmaps.json", "/0"))])


def with_narrow_firewall(estate: Estate, *sources: str) -> Estate:
    """The destination's ingress rules let in these ranges alone."""
    changed = []
    for rule in estate.all(FirewallRule).values():
        if (
            "destination-project" in rule.name
            and rule.value.direction == "INGRESS"
            and rule.value.allowed
        ):
            value = msgspec.structs.replace(rule.value, source_ranges=tuple(map(Cidr, sources)))
            changed.append(Located(value, rule.evidence))
    assert changed
    return estate.with_changes(changed=changed)


def asked(
    estate: Estate, source: str = "my-pod", destination: str = "10.2.0.1:80", **more: Any
) -> Answer:
    return Answer.to(estate, Question.parse(source, destination), **more)


def repairs(answer: Answer) -> dict[str, Replay]:
    return {one.proposal.kind: one for one in answer.repairs}
