"""The answer to `why` as a JSON document."""

from typing import Any

from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.diagnosis.situation import Situation
from wayhome.network import Evidence, Flow, Verdict
from wayhome.report.missing import missing_document
from wayhome.trace import Hop

SCHEMA = 1
Document = dict[str, Any]


def document(answer: Answer) -> Document:
    """Everything that the text says, and every step."""
    situation, found = answer.situation, answer.found
    trace, told = situation.trace, found or answer.likely
    return {
        "schema": SCHEMA,
        "flow": flow_document(trace.flow, situation.asked.source.node),
        "verdict": str(answer.verdict),
        "cause": str(found.cause) if found else None,
        "because": found.because if found else None,
        "confirm": found.confirm if found else None,
        "notes": [*(told.notes if told else ()), *answer.notes],
        "drop": trace.drop.cause if trace.drop else None,
        "lost": str(trace.lost) if trace.lost else None,
        "forward": {"hops": [hop_document(hop) for hop in trace.forward]},
        "reply": {"hops": [hop_document(hop) for hop in trace.reply]},
        "reverse": _reverse(situation),
        "deciding": [evidence_document(one) for one in told.deciding] if told else [],
        "missing": [missing_document(fact) for fact in trace.missing],
        "likely": str(trace.likely) if trace.likely else None,
        "unless": trace.unless or None,
        "likely_cause": str(answer.likely.cause) if answer.likely else None,
        "likely_because": answer.likely.because if answer.likely else None,
        "unexamined": [
            {
                "causes": list(map(str, one.causes)),
                "node": one.node,
                "why": one.why,
                "command": one.command,
            }
            for one in answer.unexamined
        ],
        "assumptions": list(trace.assumptions),
        "repairs": [_repair(one) for one in answer.repairs],
        "not_possible": [
            {
                "kind": one.kind,
                "why": one.why,
                "missing": missing_document(one.missing) if one.missing else None,
            }
            for one in answer.not_possible
        ],
    }


def flow_document(flow: Flow, node: str) -> Document:
    """A flow, and the node that opens it."""
    return {
        "node": node,
        "source": str(flow.source),
        "destination": str(flow.destination),
        "protocol": str(flow.protocol),
        "port": flow.port,
    }


def evidence_document(evidence: Evidence | None) -> Document | None:
    """Where a fact comes from."""
    if evidence is None:
        return None
    return {"object": evidence.object, "file": evidence.file, "pointer": evidence.pointer}


def hop_document(hop: Hop) -> Document:
    """One hop with its steps."""
    return {
        "node": hop.node,
        "entered": hop.entered,
        "left": hop.left,
        "steps": [
            {
                "kind": step.kind,
                "detail": step.detail,
                "evidence": evidence_document(step.evidence),
            }
            for step in hop.steps
        ],
    }


def _reverse(situation: Situation) -> str | None:
    return str(situation.reverse.verdict) if situation.reverse else None


def _repair(replay: Replay) -> Document:
    proposal, after = replay.proposal, replay.after
    changes = proposal.changes
    return {
        "kind": proposal.kind,
        "with": list(proposal.with_),
        "summary": proposal.summary,
        "works": replay.works,
        "control": proposal.control,
        "verdict": str(after.trace.verdict) if after else str(Verdict.UNDETERMINED),
        "missing": [missing_document(fact) for fact in after.trace.missing] if after else [],
        "cause": None if after is None or replay.cause is None else str(replay.cause.cause),
        "reverse": str(replay.reverse.verdict) if replay.reverse else None,
        "asked_instead": str(proposal.question) if proposal.question else None,
        "changes": [
            *({"change": "create", "object": one.name} for one in changes.created),
            *({"change": "update", "object": one.name} for one in changes.changed),
            *({"change": "delete", "object": name} for _, name in changes.deleted),
            *({"change": "update", "object": one.name} for one in changes.node_states),
        ],
        "side_effects": list(replay.side_effects.sentences()),
        "reasons": list(replay.reasons),
        "refused": list(proposal.refused),
        "problem": replay.problem or None,
        "notes": list(proposal.notes),
        "commands": list(proposal.commands),
        "undo": list(proposal.undo),
        "terraform": proposal.terraform or None,
    }
