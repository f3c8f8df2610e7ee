"""What a node itself holds: rules of all kinds, routes, connections. Its commands run on the node, as root.

They are written as they are: rules, routes and connections hold no secrets. Of the kernel's settings only those of the
network are asked for.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    folder = directory / "nodes" / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for argv, file in COMMANDS.values():
        output, reason = _run(argv)
        if not reason:
            new = folder / f"{file}.new"
            new.write_bytes(output)
            new.rename(folder / file)
        yield NodeAnswer(" ".join(argv), f"nodes/{name}/{file}", reason)


def _run(argv: tuple[str, ...]) -> tuple[bytes, str]:
    try:
        ran = subprocess.run(
            argv, capture_output=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return b"", f"{argv[0]} is not installed"
    except subprocess.TimeoutExpired:
        return b"", f"no answer within {SECONDS:g} s"
    if ran.returncode:
        said = " ".join(ran.stderr.decode(errors="replace").split())
        return b"", said[:300] or f"ended with exit status {ran.returncode}"
    return ran.stdout, ""
