"""A cluster's report as a JSON document."""

from datetime import datetime

from wayhome.cluster.agent_sets import AgentSet
from wayhome.cluster.look import Unseen
from wayhome.cluster.notes import notes, verdict
from wayhome.cluster.report import Report, Row
from wayhome.cluster.summary import summary
from wayhome.kube.configmap import Absent, Wrong
from wayhome.kube.timestamps import micro_time


def document(report: Report) -> dict[str, object]:
    """What json.dumps takes. `nodes` has the conditions' names in lower case with hyphens."""
    facts = report.facts
    agents = None if isinstance(facts.agents, Unseen) else [_agents(each) for each in facts.agents]
    return {
        "schema": 1,
        "exit_code": verdict(report),
        "summary": summary(report),
        "configmap": _configmap(report),
        "agents": agents,
        "counted": report.counted,
        "conditions": {c.name.lower().replace("_", "-"): n for c, n in report.counts.items()},
        "notes": [{"weight": note.weight.value, "text": note.text} for note in notes(report)],
        "nodes": [_node(row) for row in report.rows],
    }


def _configmap(report: Report) -> dict[str, object]:
    facts, wanted = report.facts, report.wanted
    namespace, name = facts.configmap
    found: dict[str, object] = {"namespace": namespace, "name": name, "key": facts.data_key}
    if isinstance(wanted, Unseen):
        return found | {"state": "unseen", "version": None}
    said = wanted.said
    state = (
        "absent" if isinstance(said, Absent) else "wrong" if isinstance(said, Wrong) else "there"
    )
    return found | {
        "state": state,
        "version": wanted.version or None,
        "digests": sorted(wanted.digests),
        "canary": sorted(wanted.canary),
    }


def _agents(each: AgentSet) -> dict[str, object]:
    return {
        "namespace": each.namespace,
        "name": each.name,
        "maker": each.maker.name.lower(),
        "managed": each.managed,
        "tells": each.tells,
        "scheduled": each.scheduled,
        "configmaps": ["/".join(key) for key in each.configmaps],
    }


def _node(row: Row) -> dict[str, object]:
    status = row.status
    found: dict[str, object] = {
        "node": row.node,
        "condition": row.condition.name.lower().replace("_", "-"),
        "ready": row.ready,
        "lease": status is not None,
    }
    if status is None:
        return found
    return found | {
        "state": str(status.state) or None,
        "error": status.error or None,
        "warning": status.warning or None,
        "held_version": status.held_version or None,
        "held_digest": status.held_digest or None,
        "held_key": status.held_key or None,
        "seen_version": status.seen_version or None,
        "applied_at": _moment(status.applied_at),
        "renewed_at": _moment(status.heard_at),
        "backend": status.backend or None,
        "scope": status.scope or None,
        "agent_version": status.agent_version or None,
        "pod": status.pod or None,
    }


def _moment(moment: datetime | None) -> str | None:
    return micro_time(moment) if moment else None
