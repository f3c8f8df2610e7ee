"""The flags of the agent's command lines: their names, values and help; what they mean together is `arguments`' to say."""

import argparse
import enum
from pathlib import Path
from typing import Any, NoReturn

from wayhome import __version__
from wayhome.agent.api_arguments import add_api_flags
from wayhome.agent.flag_values import (
    parse_bind_address,
    parse_chain_name,
    parse_interval,
    parse_mark_bit,
    parse_port_ranges,
    parse_seconds,
    parse_switch,
)
from wayhome.agent.logs import Format
from wayhome.agent.query_server import QUERY_SOCKET
from wayhome.agent.scope_flags import add_scope_flags
from wayhome.kernel.masquerade import Preserve
from wayhome.kernel.transition_mode import TransitionMode

CONFIG = Path("/etc/config/ip-masq-agent")  # upstream's, which knows no other
AZURE_CONFIG = Path("/etc/config")
BACKENDS = ("auto", "nftables", "iptables", "iptables-nft", "iptables-legacy")
STATE = Path("/var/lib/wayhome")

KLOG_FLAGS = (
    "add_dir_header", "alsologtostderr", "legacy_stderr_threshold_behavior", "log_backtrace_at", "log_dir",
    "log_file", "log_file_max_size", "log-flush-frequency", "logtostderr", "one_output", "skip_headers",
    "skip_log_headers", "stderrthreshold", "v", "vmodule",
)  # fmt: skip


class Dialect(enum.StrEnum):
    """Whose command line and configuration files are read."""

    UPSTREAM = "upstream"
    AZURE = "azure"


def dialect_of(arguments: list[str]) -> Dialect:
    """Which flags there are depends on this one, so it is read first."""
    parser = _Parser(prog="wayhome-agent", add_help=False, allow_abbrev=False)
    _add_dialect(parser)
    return Dialect(parser.parse_known_args(arguments)[0].dialect)


def _add_dialect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dialect",
        "-dialect",
        type=Dialect,
        choices=list(Dialect),
        default=Dialect.UPSTREAM,
        metavar="upstream|azure",
        help="whose command line and files these are (upstream): azure reads every file ip-masq* of a folder and merges them",
    )


class _Parser(argparse.ArgumentParser):
    """Names the cure in the last line, where Kubernetes shows it."""

    def error(self, message: str) -> NoReturn:
        self.print_usage()
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` lists the flags.\n")


def parser_of(*, native: bool, dialect: Dialect) -> argparse.ArgumentParser:
    """A parser that knows the flags of this command line."""
    azure = dialect is Dialect.AZURE
    parser = _Parser(
        prog="wayhome agent" if native else "wayhome-agent",
        description="Keeps this node's masquerade rules as its configuration says.",
        epilog=None
        if native
        else "Takes the command line of kubernetes-sigs/ip-masq-agent as it stands.",
        allow_abbrev=False,
    )

    def flag(name: str, **settings: Any) -> None:
        parser.add_argument(f"--{name}", f"-{name}", **settings)

    def switch(name: str, *, default: bool | None, help: str) -> None:  # noqa: A002  # argparse's own word
        flag(
            name,
            nargs="?",
            const=True,
            default=default,
            type=parse_switch,
            metavar="BOOL",
            help=help,
        )

    flag(
        "masq-chain",
        type=parse_chain_name,
        metavar="NAME",
        help="the chain's name with the iptables back end (IP-MASQ-AGENT); nftables has its own table",
    )
    switch(
        "nomasq-all-reserved-ranges",
        default=False,
        help="without a list of its own, keep the Pod's address towards all 11 reserved IPv4 ranges, not only the 3 of RFC 1918",
    )
    switch(
        "enable-ipv6",
        default=None,
        help="masquerade IPv6 too"
        + (" (with --pod-cidrs: where the list names an IPv6 range)" if native else ""),
    )
    switch(
        "random-fully",
        default=None,
        help=f"choose source ports at random ({str(not azure).lower()}; with Cilium or Dataplane V2 on the node: false)",
    )
    flag(
        "to-ports",
        type=parse_port_ranges,
        default=(),
        metavar="RANGES",
        help="source ports to choose from, such as 1024-29999,32768-65535",
    )
    config = AZURE_CONFIG if azure else CONFIG
    flag(
        "config",
        type=Path,
        default=None,
        metavar="FOLDER" if azure else "FILE",
        help=f"the folder of the configuration files ({config})"
        if azure
        else f"the configuration file ({config})",
    )
    add_api_flags(flag)
    flag(
        "state",
        type=Path,
        default=STATE,
        metavar="FOLDER",
        help=f"where the last good configuration is remembered ({STATE}); an empty value for nowhere",
    )
    flag(
        "backend",
        choices=BACKENDS,
        default="auto",
        metavar="|".join(BACKENDS),
        help="how the rules are held (auto: by what the node has, and the log says why)",
    )
    flag(
        "kube-proxy-mark-bit",
        type=parse_mark_bit,
        default=14,
        metavar="N",
        help="kube-proxy's masquerade bit: what it has marked is left to it (14); none on a node without kube-proxy",
    )
    flag(
        "preserve",
        type=Preserve,
        choices=list(Preserve),
        default=Preserve.REPORT,
        metavar="|".join(Preserve),
        help="what is done about rules of others that masquerade kept destinations too (report: nothing; assert: kept addresses are translated to themselves before; nftables only)",
    )
    flag(
        "transition",
        type=TransitionMode,
        choices=list(TransitionMode),
        default=TransitionMode.KEEP,
        metavar="|".join(TransitionMode),
        help="what becomes of connections that a new configuration would treat differently (keep: their old address until they end); expire-all resets TCP",
    )
    switch(
        "accounting",
        default=False,
        help="count packets and bytes of each line too, not only connections (nftables only); it looks at every packet, `docs/agent.md` says what that costs",
    )
    switch(
        "observe",
        default=False,
        help="write no rule: report where the rules on this node decide otherwise than the configuration, and their conflicts",
    )
    flag(
        "conflict-interval",
        type=parse_interval,
        default=None,
        metavar="DURATION",
        help="look so often for rules of others that are in conflict, such as 10m (0: never, the default); a process of its own for each look, which beside 50,000 rules takes 136 MiB",
    )
    flag(
        "metrics-bind-address",
        type=parse_bind_address,
        default=None,
        metavar="HOST:PORT",
        help="where /metrics, /healthz and /readyz are answered (nowhere)",
    )
    flag(
        "query-socket",
        type=Path,
        default=None,
        metavar="PATH",
        help=f"where `wayhome-agent query` is answered ({QUERY_SOCKET}, if that folder is there); an empty value for nowhere",
    )
    flag(
        "log-format",
        type=Format,
        default=Format.TEXT,
        choices=list(Format),
        metavar="text|json",
        help="how log lines are written",
    )
    if not native:
        _add_dialect(parser)
    if azure:
        flag(
            "resync-interval",
            type=parse_seconds,
            default=60,
            metavar="SECONDS",
            help="a full verification each so many seconds (60)",
        )
    if native:
        add_scope_flags(flag)
    for name in KLOG_FLAGS:
        flag(name, nargs="?", const="", dest=attribute_of(name), help=argparse.SUPPRESS)
    parser.add_argument("--version", "-version", action="version", version=f"wayhome {__version__}")
    return parser


def attribute_of(klog_flag: str) -> str:
    """Under which name its value is found."""
    return "klog_" + klog_flag.replace("-", "_")
