"""Two states compared, as a JSON document."""

from typing import Any

from wayhome.diagnosis.audit.changes import Change
from wayhome.diagnosis.audit.compare import Comparison, Difference, severity
from wayhome.diagnosis.audit.outcome import Outcome
from wayhome.report.audit_document import source_document
from wayhome.report.missing import missing_document
from wayhome.report.why_document import evidence_document, flow_document

SCHEMA = 1
Document = dict[str, Any]


def document(comparison: Comparison) -> Document:
    """Everything that is different."""
    return {
        "schema": SCHEMA,
        "compared": comparison.compared,
        "differences": [_difference(one) for one in comparison.differences],
        "only_before": [source_document(one) for one in comparison.gone],
        "only_now": [source_document(one) for one in comparison.new],
        "changes": [_change(one) for one in comparison.changes],
    }


def _difference(difference: Difference) -> Document:
    source, flow = difference.example
    return {
        "worse": bool(difference.worse),
        "before": _outcome(difference.before),
        "after": _outcome(difference.after),
        "sources": list(dict.fromkeys(str(one.range) for one in difference.sources)),
        "destinations": [str(prefix) for prefix in difference.prefixes],
        "ports": list(difference.ports),
        "example": flow_document(flow, source.at),
        "objects": [_change(one) for one in difference.objects],
        "certain": difference.certain,
    }


def _outcome(outcome: Outcome | None) -> Document:
    return {
        "severity": severity(outcome).name.lower().replace("_", "-"),
        "verdict": str(outcome.verdict) if outcome else None,
        "cause": str(outcome.cause) if outcome and outcome.cause else None,
        "drop": outcome.drop if outcome else None,
        "missing": [missing_document(fact) for fact in outcome.missing] if outcome else [],
    }


def _change(change: Change) -> Document:
    return {
        "object": change.name,
        "what": change.what,
        "evidence": evidence_document(change.evidence),
    }
