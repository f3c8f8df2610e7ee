"""What a node itself holds: rules of all kinds, routes, connections. Its commands run on the node, as root.

They are written as they are: rules, routes and connections hold no secrets. Of the kernel's settings only those of the
network are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wayhome.clouds.collect.files import write
from wayhome.clouds.collect.programs import NotInstalledError, Programs
from wayhome.clouds.node_state import NodeOutput

SECONDS = 60.0

COMMANDS: dict[NodeOutput, tuple[tuple[str, ...], str]] = {
    NodeOutput.NFT: (("nft", "-j", "list", "ruleset"), "nft.json"),
    NodeOutput.IPTABLES_NFT: (("iptables-nft-save",), "iptables-nft-save.txt"),
    NodeOutput.IPTABLES_LEGACY: (("iptables-legacy-save",), "iptables-legacy-save.txt"),
    NodeOutput.IP6TABLES_NFT: (("ip6tables-nft-save",), "ip6tables-nft-save.txt"),
    NodeOutput.IP6TABLES_LEGACY: (("ip6tables-legacy-save",), "ip6tables-legacy-save.txt"),
    NodeOutput.RULES: (("ip", "-j", "rule"), "ip-rule.json"),
    NodeOutput.ROUTES: (("ip", "-j", "route", "show", "table", "all"), "ip-route.json"),
    NodeOutput.CONNTRACK: (("conntrack", "-L"), "conntrack.txt"),
    NodeOutput.CONNTRACK_COUNTERS: (("conntrack", "-S"), "conntrack-counters.txt"),
    NodeOutput.SYSCTL: (("sysctl", "--all", "--pattern", "^net\\."), "sysctl.txt"),
}


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What became of one of the commands; `reason` is empty where its output was written."""

    command: str
    file: str
    reason: str


def collect_node(directory: Path, name: str) -> Iterator[NodeAnswer]:
    """Run the commands here, and write their outputs to `nodes/NAME`. Raises OSError where that cannot be written."""
    programs = Programs(SECONDS)
    for argv, name_of_file in COMMANDS.values():
        file = f"nodes/{name}/{name_of_file}"
        try:
            output, reason = programs.ask(argv)
        except NotInstalledError as error:
            output, reason = b"", str(error)
        if reason:
            (directory / file).unlink(
                missing_ok=True
            )  # what was read there earlier holds no longer
        else:
            write(directory / file, output)
        yield NodeAnswer(" ".join(argv), file, reason)
