"""An audit as a JSON document: every finding with all its destinations."""

from typing import Any

from wayhome.diagnosis.audit.audit import Audit, Finding
from wayhome.diagnosis.audit.configuration import Fault
from wayhome.diagnosis.audit.sources import Source
from wayhome.report.missing import missing_document
from wayhome.report.why_document import evidence_document, flow_document

SCHEMA = 1
Document = dict[str, Any]


def document(audit: Audit) -> Document:
    """Everything that was found; `nobody` among the severities is no finding."""
    return {
        "schema": SCHEMA,
        "classes": audit.classes,
        "parts_of_the_address_space": audit.atoms,
        "sources": [source_document(source) for source in audit.sources],
        "nodes_without_pod_range": list(audit.without_range),
        "nodes_told_of_by_google_alone": list(audit.of_google),
        "findings": [_finding(finding) for finding in audit.findings],
        "configuration": [_fault(fault) for fault in audit.faults],
    }


def source_document(source: Source) -> Document:
    """Who asks."""
    return {
        "cluster": source.cluster,
        "node": source.node,
        "range": str(source.range),
        "asked_from": source.at,
        "address": str(source.address),
        "stand_in": source.stand_in,
    }


def _finding(finding: Finding) -> Document:
    outcome = finding.outcome
    return {
        "severity": finding.severity.name.lower().replace("_", "-"),
        "verdict": str(outcome.verdict),
        "cause": str(outcome.cause) if outcome.cause else None,
        "drop": outcome.drop,
        "lost": str(outcome.lost) if outcome.lost else None,
        "because": outcome.because or None,
        "confirm": outcome.confirm or None,
        "died_in": outcome.died_in,
        "clusters": list(finding.clusters),
        "classes": finding.classes,
        "addresses": finding.addresses,
        "sources": list(dict.fromkeys(str(source.range) for source in finding.sources)),
        "destinations": [str(prefix) for prefix in finding.prefixes],
        "ports": list(finding.ports),
        "examples": [flow_document(flow, source.at) for source, flow in finding.examples],
        "deciding": [evidence_document(one) for one in finding.deciding],
        "missing": [missing_document(fact) for fact in finding.missing],
    }


def _fault(fault: Fault) -> Document:
    return {
        "kind": fault.kind,
        "about": fault.about,
        "problem": fault.problem,
        "instead": fault.instead,
        "note": fault.note,
        "evidence": [evidence_document(one) for one in fault.evidence],
    }
