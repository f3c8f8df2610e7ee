"""`query plan`: what a candidate configuration would change on this node.

The answer has the candidate's findings, where its policy differs from the one in force, and how many of the node's live
connections would be treated differently if they were opened anew, with some of them as examples. The policy in force is
what the agent's table in the kernel amounts to; where the agent keeps no table (iptables, `--observe`), what it says
that the kernel holds.

Only connections to destinations about which the policies differ are looked at, and for so many seconds at most: of
1,000,000 entries most are passed over by their bytes. What is kept of them is bounded.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wayhome.agent.query_server import Document
from wayhome.kernel import KernelError, NftablesKernel
from wayhome.kernel.held_policy import held_policy
from wayhome.kernel.local_addresses import local_addresses
from wayhome.kernel.netlink import DumpInterruptedError
from wayhome.kernel.plan import Plan
from wayhome.kernel.plan_document import group_document, transitions
from wayhome.kernel.planning import plan_of, what_may_change
from wayhome.kernel.treatment import Comparison
from wayhome.policy import Configuration, Finding, Policy, Settings, parse
from wayhome.policy.changes import changes
from wayhome.policy.configmaps import SEVERAL
from wayhome.policy.configuration import defaults
from wayhome.policy.fragments import AZURE
from wayhome.prefixes import Prefix

EXAMPLES = 20
MOST_CHANGES = 200
MOST_GROUPS = 2_000
COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")


def plan(
    agent: Document, candidate: bytes, seconds: float, *, united: bool = False
) -> tuple[Document, int]:
    """The document and the exit code. `agent`: its answer to `configuration`. `united`: as `policy.united.pack` does."""
    settings = _settings(agent)
    parsed = SEVERAL.parse(candidate, settings) if united else parse(candidate, settings)
    document: Document = {"schema": 1, "valid": parsed.configuration is not None, "findings": _findings(parsed.findings)}  # fmt: skip
    if parsed.configuration is None:
        return document, 2
    new = parsed.configuration.policy
    try:
        old = _in_force(agent, settings)
        comparison = Comparison(old, new, local_addresses())
        document |= _differences(old, new)
        selection = what_may_change(comparison)
        found = Plan()
        if selection is not None:
            found = plan_of(comparison, selection, most_groups=MOST_GROUPS, seconds=seconds)
    except DumpInterruptedError as error:
        return document | {"problem": f"the connections cannot be counted: {error.strerror}"}, 3
    except KernelError as error:
        return document | {"problem": f"the connections cannot be looked at: {error}"}, 4
    document["connections"] = _connections(found, old)
    differs = found.changing or document["changes"]
    return document, 3 if not found.complete else 1 if differs else 0


def _settings(agent: Document) -> Settings:
    """What the agent's flags and its node say besides the configuration."""
    pods: Any = agent["pod_cidrs"]
    ipv6, reserved = agent["ipv6"], agent["all_reserved_ranges"]
    return Settings(
        ipv6=ipv6 if isinstance(ipv6, bool) else None,
        all_reserved_ranges=bool(reserved),
        pod_cidrs=None if pods is None else tuple(Prefix.parse(each) for each in pods),
    )


def _in_force(agent: Document, settings: Settings) -> Policy | None:
    if agent["table"]:
        with NftablesKernel() as kernel:
            return held_policy(kernel.read())
    if not agent["held"]:
        return None
    configuration: Configuration | None = defaults(settings)
    if isinstance(text := agent["text"], str):
        read = AZURE.parse if agent["dialect"] == "azure" else parse
        read = SEVERAL.parse if agent.get("united") else read
        configuration = read(text.encode(), settings).configuration
    return configuration.policy if configuration else None


def _findings(findings: Iterable[Finding]) -> list[Document]:
    return [
        {
            "severity": f.severity.value,
            "configmap": f.file or None,
            "line": f.line,
            "problem": f.problem,
            "instead": f.instead,
        }
        for f in findings
    ]


def _differences(old: Policy | None, new: Policy) -> Document:
    """Without a policy in force there is nothing to compare with but what each connection shows."""
    found = changes(old, new) if old is not None else ()
    return {
        "compared_with": "connections" if old is None else "policy",
        "changes": [
            {
                "prefix": str(change.prefix),
                "from": change.now.value,
                "to": change.then.value,
                "line": change.entry.origin.line if change.entry else None,
            }
            for change in found[:MOST_CHANGES]
        ],
        "more_changes": max(0, len(found) - MOST_CHANGES),
    }


def _connections(found: Plan, old: Policy | None) -> Document:
    groups = found.largest_first()[:EXAMPLES]
    return {
        "total": _total(found.judged),
        "looked_at": found.judged,
        "complete": found.complete,
        "changed": found.changing,
        "transition": transitions(found, old),
        "examples": [group_document(found, group, count) for group, count in groups],
    }


def _total(looked_at: int) -> int:
    """All connections of this node at this moment, where the kernel says how many."""
    try:
        return max(looked_at, int(COUNT.read_text()))
    except (OSError, ValueError):
        return looked_at
