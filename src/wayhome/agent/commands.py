"""What `wayhome-agent` does besides being the agent: the first argument names it.

Upstream's command line has no such words, so nothing that stands in a DaemonSet means something else by it. Each is a
module with a `main(arguments)` that returns the exit code, imported when it is asked for; this one imports nothing,
because it is asked before the agent decides what it can do without.
"""

_COMMANDS = {
    "clean": "wayhome.agent.clean",
    "await-daemonset": "wayhome.agent.await_daemonset",
    "probe": "wayhome.probe.command",
    "query": "wayhome.agent.query",
}
_OF_THE_API = {"await-daemonset"}


def module_of(arguments: list[str]) -> str | None:
    """The module of the command that a command line names; None where the agent itself is meant."""
    return _COMMANDS.get(arguments[0]) if arguments else None


def asks_the_api(arguments: list[str]) -> bool:
    """Whether the command that it names speaks with the API server, and so needs ssl."""
    return arguments[:1] != [] and arguments[0] in _OF_THE_API
