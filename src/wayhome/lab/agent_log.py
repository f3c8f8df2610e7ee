"""What an agent says of itself: one JSON object a line, with at least `event` and `message`.

An agent is a program of its own and may print other things (a traceback): what is no such object is skipped.
"""

import json
from dataclasses import dataclass

APPLIED = "applied"
"""The event of an agent whose kernel holds a policy."""


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One line of an agent's log."""

    event: str
    message: str


def events(text: str) -> list[AgentEvent]:
    """The events in an agent's output, oldest first."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("event"), str):
            found.append(AgentEvent(entry["event"], str(entry.get("message", ""))))
    return found


def has_applied(text: str) -> bool:
    """Whether the agent has brought a policy into its kernel."""
    return any(event.event == APPLIED for event in events(text))
