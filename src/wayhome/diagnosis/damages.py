"""Files that were not understood, in a project that a flow goes through: it may come home, but nobody can say so.

Where what is damaged decides a step, the network says so itself, and the trace is UNDETERMINED. But a damaged file may
also have held what no step asks for: a Pod with a host port, a second owner of the address. Only success is taken back:
a flow that is lost is lost whatever else there is.
"""

from dataclasses import replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.knowledge import Claim, State
from wayhome.network import Missing, Verdict
from wayhome.policy.findings import quote
from wayhome.trace import Trace


def doubted(estate: Estate, traced: Trace) -> Trace:
    """The trace, and UNDETERMINED where a flow comes home through a project of which a file was not understood."""
    if traced.verdict is not Verdict.REACHABLE:
        return traced
    damaged = [claim for claim in estate.knowledge.claims if claim.state is State.DAMAGED]
    scopes = _scopes(traced) if damaged else ()
    missing = dict.fromkeys(
        _missing(claim) for claim in damaged if any(claim.touches(scope) for scope in scopes)
    )
    if not missing:
        return traced
    return replace(traced, verdict=Verdict.UNDETERMINED, missing=tuple(missing))


def _scopes(traced: Trace) -> tuple[str, ...]:
    """The projects that the flow goes through; of what is of no project, the cluster."""
    names = (hop.node for hop in (*traced.forward, *traced.reply))
    return tuple(dict.fromkeys(_scope(name) for name in names))


def _scope(name: str) -> str:
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "projects" else name.partition("/k8s/")[0]


def _missing(claim: Claim) -> Missing:
    file = claim.evidence.file if claim.evidence else ""
    what = (
        f"what {quote(file)} holds, which was not understood"
        if file
        else "what a damaged file holds"
    )
    return Missing(
        what,
        "export it anew; `wayhome collect` shows the commands",
        Verdict.REACHABLE,
        f"{what} says otherwise",
    )
