"""The agent's command lines: upstream's, as it stands in people's DaemonSets, and the native one.

Both accept upstream's flags with upstream's meaning, written as Go's flag package allows: one dash or two, `--flag`,
`--flag=true`. klog's flags are accepted and have no effect. The native command line adds the scope of Pods.

argparse and not click: the agent's container installs nothing that it does not need.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from wayhome import __version__
from wayhome.agent.logs import Format
from wayhome.kernel import Masquerade
from wayhome.policy import Settings
from wayhome.prefixes import Prefix, PrefixError

CONFIG = Path("/etc/config/ip-masq-agent")  # upstream's, which knows no other
STATE = Path("/var/lib/wayhome")

_KLOG_FLAGS = (
    "add_dir_header", "alsologtostderr", "legacy_stderr_threshold_behavior", "log_backtrace_at", "log_dir",
    "log_file", "log_file_max_size", "log-flush-frequency", "logtostderr", "one_output", "skip_headers",
    "skip_log_headers", "stderrthreshold", "v", "vmodule",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    native: bool
    config: Path
    state: Path | None
    settings: Settings
    masquerade: Masquerade
    masq_chain: str | None
    log_format: Format
    ignored: tuple[str, ...]
    """klog's flags that were given."""


def parse_arguments(arguments: list[str], *, native: bool) -> Options:
    """Read a command line. Exits with 2 and a message where it cannot be read, with 0 after --help and --version."""
    found = _parser(native=native).parse_args(arguments)
    return Options(
        native=native,
        config=found.config,
        state=found.state if str(found.state) not in ("", ".") else None,
        settings=Settings(
            ipv6=found.enable_ipv6,
            all_reserved_ranges=found.nomasq_all_reserved_ranges,
            pod_cidrs=getattr(found, "pod_cidrs", None),
        ),
        masquerade=Masquerade(random_fully=found.random_fully, to_ports=found.to_ports),
        masq_chain=found.masq_chain,
        log_format=found.log_format,
        ignored=tuple(name for name in _KLOG_FLAGS if getattr(found, _attribute(name)) is not None),
    )


class _Parser(argparse.ArgumentParser):
    """Names the cure in the last line, where Kubernetes shows it."""

    def error(self, message: str) -> NoReturn:
        self.print_usage()
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` lists the flags.\n")


def _parser(*, native: bool) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="wayhome agent" if native else "wayhome-agent",
        description="Keeps this node's masquerade rules as the configuration file says.",
        epilog=None
        if native
        else "Takes the command line of kubernetes-sigs/ip-masq-agent as it stands.",
        allow_abbrev=False,
    )

    def flag(name: str, **settings: object) -> None:
        parser.add_argument(f"--{name}", f"-{name}", **settings)  # type: ignore[arg-type]  # passed on

    def switch(name: str, *, default: bool, help: str) -> None:  # noqa: A002  # argparse's own word
        flag(name, nargs="?", const=True, default=default, type=_go_bool, metavar="BOOL", help=help)

    flag(
        "masq-chain",
        metavar="NAME",
        help="the chain's name with the iptables back end (IP-MASQ-AGENT); nftables has its own table",
    )
    switch(
        "nomasq-all-reserved-ranges",
        default=False,
        help="without a list of its own, keep the Pod's address towards all 11 reserved IPv4 ranges, not only the 3 of RFC 1918",
    )
    switch("enable-ipv6", default=False, help="masquerade IPv6 too")
    switch("random-fully", default=True, help="choose source ports at random (default true)")
    flag(
        "to-ports",
        type=parse_port_ranges,
        default=(),
        metavar="RANGES",
        help="source ports to choose from, such as 1024-29999,32768-65535",
    )
    flag(
        "config",
        type=Path,
        default=CONFIG,
        metavar="FILE",
        help=f"the configuration file ({CONFIG})",
    )
    flag(
        "state",
        type=Path,
        default=STATE,
        metavar="FOLDER",
        help=f"where the last good configuration is remembered ({STATE}); an empty value for nowhere",
    )
    flag(
        "log-format",
        type=Format,
        default=Format.TEXT,
        choices=list(Format),
        metavar="text|json",
        help="how log lines are written",
    )
    if native:
        flag(
            "pod-cidrs",
            type=parse_prefixes,
            default=None,
            metavar="CIDRS",
            help="this node's Pod ranges, separated by commas: only what they send is masqueraded. Without it, whatever leaves the node, as upstream",
        )
    for name in _KLOG_FLAGS:
        flag(name, nargs="?", const="", dest=_attribute(name), help=argparse.SUPPRESS)
    parser.add_argument("--version", "-version", action="version", version=f"wayhome {__version__}")
    return parser


def _attribute(klog_flag: str) -> str:
    return "klog_" + klog_flag.replace("-", "_")


def _go_bool(text: str) -> bool:
    """What Go's strconv.ParseBool accepts."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def parse_port_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read `FIRST-LAST,…`. Raises ArgumentTypeError."""
    ranges = []
    for part in text.split(",") if text else ():
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise argparse.ArgumentTypeError(f"{part!r} is no port range; write FIRST-LAST")
        ranges.append((int(first), int(last or first)))
    try:
        Masquerade(to_ports=tuple(ranges))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return tuple(ranges)


def parse_prefixes(text: str) -> tuple[Prefix, ...]:
    """Read CIDRs separated by commas. Raises ArgumentTypeError."""
    try:
        return tuple(Prefix.parse(part.strip()) for part in text.split(","))
    except PrefixError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None
