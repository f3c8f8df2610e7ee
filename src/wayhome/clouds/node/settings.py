"""The kernel's settings of a node, from `sysctl -a`."""

import re

from wayhome.clouds.node_state import NodeOutput, NodeState

_LINE = re.compile(r"([a-z0-9_][^\s=]*) ?= ?(.*)")
_MTU = re.compile(r"net\.ipv6\.conf\.(.+)\.mtu")
_NO_DEVICES = ("all", "default", "lo")


def settings_of(state: NodeState) -> dict[str, str] | None:
    """All settings by name; None where they were not collected, or not to their end."""
    located = state.outputs.get(NodeOutput.SYSCTL)
    if located is None or is_cut(state):
        return None
    matches = map(_LINE.fullmatch, located.value.splitlines())
    return {match[1]: match[2].strip() for match in matches if match}


def is_cut(state: NodeState) -> bool:
    """Whether the output ends within a line: what the rest would have said of a setting is not its default."""
    located = state.outputs.get(NodeOutput.SYSCTL)
    return located is not None and not located.value.endswith("\n")


def reverse_path_is_strict(settings: dict[str, str], device: str) -> bool:
    """Whether what comes by a device is dropped unless the way back leads there: the larger of both settings is 1."""
    values = {settings.get(f"net.ipv4.conf.{name}.rp_filter", "0") for name in ("all", device)}
    return "1" in values and "2" not in values


def mtus(settings: dict[str, str]) -> dict[str, int]:
    """The devices' MTU in bytes, as IPv6 has it, which a device that speaks both shares."""
    return {
        match[1]: int(value)
        for name, value in settings.items()
        if (match := _MTU.fullmatch(name)) and match[1] not in _NO_DEVICES and value.isdecimal()
    }
