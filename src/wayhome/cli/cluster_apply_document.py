"""An apply as a JSON document.

`readings`: what changes, once for each way in which DaemonSets read the text; `changes` is null where what is there now
cannot be read.
"""

from wayhome.cli.cluster_document import document as report_document
from wayhome.cluster.must_reach import Proof, Tried
from wayhome.cluster.node_plans import NodePlans
from wayhome.cluster.outcome import Outcome
from wayhome.cluster.proposal import Proposal
from wayhome.policy.changes import Change


def document(
    proposal: Proposal, outcome: Outcome | None, *, result: str, exit_code: int, undo: str
) -> dict[str, object]:
    """What json.dumps takes. `outcome` is None where nothing was begun."""
    refusal = proposal.refusal
    reasons = list(outcome.reasons) if outcome else [refusal.text] if refusal else []
    proofs = outcome.proofs if outcome else proposal.proofs
    return {
        "schema": 1,
        "exit_code": exit_code,
        "result": result,
        "reasons": reasons,
        "configmap": "/".join(proposal.facts.configmap),
        "version": outcome.version or None if outcome else None,
        "undo": undo or None,
        "owners": [str(owner) for owner in proposal.owners],
        "unfinished": str(proposal.before.left) if proposal.before.left else None,
        "findings": [
            {"severity": f.severity.value, "configmap": f.file or None, "line": f.line, "problem": f.problem, "instead": f.instead}
            for f in proposal.findings
        ],
        "readings": [
            {
                "daemonsets": [f"{each.namespace}/{each.name}" for each in reading.readers],
                "configmaps": ["/".join(key) for key in reading.configmaps],
                "changes": None if changes is None else [_change(each) for each in changes],
            }
            for reading, changes in zip(proposal.readings, proposal.changes, strict=True)
        ],
        "connections": _connections(proposal.plans),
        "must_reach": [_proof(proof) for proof in proofs],
        "status": report_document(outcome.report) if outcome and outcome.report else None,
    }  # fmt: skip


def _change(change: Change) -> dict[str, object]:
    origin = change.entry.origin if change.entry else None
    return {
        "prefix": str(change.prefix),
        "now": change.now.value,
        "then": change.then.value,
        "line": origin.line if origin else None,
        "configmap": (origin.file or None) if origin else None,
    }


def _connections(plans: NodePlans | None) -> dict[str, object] | None:
    if plans is None:
        return None
    return {
        "nodes": plans.nodes,
        "asked": len(plans.plans),
        "answered": len(plans.answered),
        "total": plans.total,
        "changed": plans.changed,
        "by_node": [
            {
                "node": plan.node,
                "total": plan.total,
                "changed": plan.changed,
                "complete": plan.complete,
                "rejection": plan.rejection or None,
                "examples": list(plan.examples),
                "problem": plan.problem or None,
            }
            for plan in plans.plans
        ],
    }


def _proof(proof: Proof) -> dict[str, object]:
    return {
        "pod": "/".join(proof.wanted.pod),
        "target": str(proof.wanted.target),
        "before": _tried(proof.before),
        "after": _tried(proof.after) if proof.after else None,
    }


def _tried(tried: Tried) -> dict[str, object]:
    return {"reached": tried.reached, "detail": tried.detail}
