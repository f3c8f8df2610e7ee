"""What agents warn of, though their kernels hold what is wanted: each warning once, with the nodes that give it. Pure.

A node may be current and the list without effect: where packets go past netfilter, or where somebody else damages the
rules as fast as they are repaired, only its agent can know. What the command line finds out by itself, of the text and
of the cluster's Pod ranges, every agent says too; that is not said again.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterator

from wayhome.cluster.look import Facts, Unseen
from wayhome.cluster.report import UNCOUNTED, Condition, Report
from wayhome.policy.findings import quote

MOST_NODES = 3
_AND_MORE = re.compile(r" \(and \d+ more\)$")
_UNHEARD = (*UNCOUNTED, Condition.STALE)


def agent_warnings(
    report: Report, said: Container[str], *, ranges_said: bool = False
) -> Iterator[str]:
    """Sentences, those of most nodes first. `said`: what was told already; `ranges_said`: of Pod ranges, too."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in report.rows:
        text = row.status.warning if row.status and row.condition not in _UNHEARD else ""
        first = _AND_MORE.sub("", text)
        ranges = ranges_said and _is_of_its_ranges(first, report.facts, row.node)
        if first and first not in said and not ranges:
            found[first].append(row.node)
    for text, nodes in sorted(found.items(), key=lambda item: -len(item[1])):
        more = f" and {len(nodes) - MOST_NODES:,} more" if len(nodes) > MOST_NODES else ""
        yield f"{', '.join(quote(node) for node in nodes[:MOST_NODES])}{more}: {text}"


def _is_of_its_ranges(text: str, facts: Facts, node: str) -> bool:
    """Whether it names a Pod range of the node's, of which the cluster's as a whole are judged already."""
    if isinstance(facts.nodes, Unseen) or node not in facts.nodes:
        return False
    return any(str(prefix) in text for prefix in facts.nodes[node].pod_cidrs)
