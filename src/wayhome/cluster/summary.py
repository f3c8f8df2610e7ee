"""A report in one line: `147 of 150 nodes on version 8123; 3 rejected: line 4: 10.0.0.1/8 …`. Pure."""

from collections import Counter

from wayhome.cluster.look import Unseen
from wayhome.cluster.report import UNCOUNTED, Condition, Report
from wayhome.cluster.wanted import is_absent
from wayhome.kube.one_line import one_line

LONGEST = 120


def summary(report: Report) -> str:
    """The line."""
    current = report.counts[Condition.CURRENT]
    parts = [f"{current:,} of {report.counted:,} nodes on {_what(report)}"]
    for condition in Condition:
        count = report.counts[condition]
        if count and condition is not Condition.CURRENT and condition not in UNCOUNTED:
            parts.append(f"{count:,} {condition.value}{_why(report, condition)}")
    apart = [
        f"{report.counts[condition]:,} {condition.value}"
        for condition in (Condition.WINDOWS, Condition.VIRTUAL)
        if report.counts[condition]
    ]
    if apart:
        parts.append(f"not counted: {', '.join(apart)}")
    return "; ".join(parts)


def _what(report: Report) -> str:
    wanted = report.wanted
    if isinstance(wanted, Unseen):
        return "a version that cannot be seen"
    return "upstream's defaults" if is_absent(wanted) else f"version {one_line(wanted.version, 40)}"


def _why(report: Report, condition: Condition) -> str:
    """The complaint that most of them have, without its cure: this is one line."""
    errors = Counter(row.error for row in report.of(condition) if row.error)
    if not errors:
        return ""
    text = errors.most_common(1)[0][0].partition("; ")[0]
    others = f" (and {len(errors) - 1:,} other errors)" if len(errors) > 1 else ""
    return f": {one_line(text, LONGEST)}{others}"
