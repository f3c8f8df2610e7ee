"""What time it is by the API server's clock: the one by which a Lease's age is meant, whatever this machine's says."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from wayhome.kube.client import Client

ROUNDING = timedelta(seconds=2)
"""A Date is of whole seconds and was on its way; within this the two clocks are the same."""


def server_time(client: Client) -> datetime:
    """By the field Date of the last answer (RFC 9110, 6.6.1); where there is none, this machine's time."""
    now = datetime.now(UTC)
    said, at = client.last_date
    try:
        there = parsedate_to_datetime(said).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return now
    ahead = there - datetime.fromtimestamp(at, UTC)
    return now if abs(ahead) <= ROUNDING else now + ahead
