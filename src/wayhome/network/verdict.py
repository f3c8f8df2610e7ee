"""What can be said about a flow; the names are those of Google's Connectivity Tests."""

from enum import StrEnum


class Verdict(StrEnum):
    """AMBIGUOUS: it depends on a choice that the network makes; UNDETERMINED: on a fact that is not known."""

    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"
    AMBIGUOUS = "AMBIGUOUS"
    UNDETERMINED = "UNDETERMINED"
