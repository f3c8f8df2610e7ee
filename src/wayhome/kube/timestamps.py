"""Moments as the API writes them: RFC 3339, always UTC here.

A MicroTime (a Lease's renewTime) must have exactly six decimals; a Time (an Event's) has none.
"""

from datetime import UTC, datetime


def micro_time(moment: datetime) -> str:
    """With microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second_time(moment: datetime) -> str:
    """With seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: object) -> datetime | None:
    """Either of them, whatever its offset; None for everything else."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
