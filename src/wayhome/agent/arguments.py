"""The agent's command lines: upstream's and Azure's, as they stand in people's DaemonSets, and the native one.

All accept upstream's flags with upstream's meaning, written as Go's flag package allows: one dash or two, `--flag`,
`--flag=true`. klog's flags are accepted and have no effect. The native command line adds the scope of Pods. Whose
command line and files are read is said by `--dialect` and never guessed.

argparse and not click: the agent's container installs nothing that it does not need.
"""

import argparse
import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from wayhome import __version__
from wayhome.agent.api_arguments import ApiOptions, add_api_flags, api_options
from wayhome.agent.flag_values import (
    parse_bind_address,
    parse_chain_name,
    parse_interval,
    parse_mark_bit,
    parse_port_ranges,
    parse_prefixes,
    parse_seconds,
    parse_switch,
)
from wayhome.agent.logs import Format
from wayhome.agent.query_server import QUERY_SOCKET
from wayhome.kernel import Masquerade
from wayhome.kernel.masquerade import Preserve
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.policy import Settings

CONFIG = Path("/etc/config/ip-masq-agent")  # upstream's, which knows no other
AZURE_CONFIG = Path("/etc/config")
BACKENDS = ("auto", "nftables", "iptables", "iptables-nft", "iptables-legacy")
STATE = Path("/var/lib/wayhome")

_KLOG_FLAGS = (
    "add_dir_header", "alsologtostderr", "legacy_stderr_threshold_behavior", "log_backtrace_at", "log_dir",
    "log_file", "log_file_max_size", "log-flush-frequency", "logtostderr", "one_output", "skip_headers",
    "skip_log_headers", "stderrthreshold", "v", "vmodule",
)  # fmt: skip


class Dialect(enum.StrEnum):
    """Whose command line and configuration files are read."""

    UPSTREAM = "upstream"
    AZURE = "azure"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    native: bool
    dialect: Dialect
    config: Path
    """The file; Azure's folder of files. Read in file mode only."""
    api: ApiOptions | None
    """What is watched through the API; None in file mode."""
    state: Path | None
    settings: Settings
    masquerade: Masquerade
    backend: str
    """One of `BACKENDS`."""
    masq_chain: str | None
    random_fully_given: bool
    """Whether `--random-fully` stands on the command line, whatever it says."""
    observe: bool
    conflict_interval: float | None
    """Seconds between two looks at the rules of others; None for none."""
    transition: TransitionMode
    metrics_bind_address: tuple[str, int] | None
    query_socket: Path | None
    """Where `wayhome-agent query` is answered; None for nowhere."""
    log_format: Format
    ignored: tuple[str, ...]
    """klog's flags that were given."""

    @property
    def source(self) -> str:
        """Where the configuration comes from, for messages."""
        return self.api.source if self.api else str(self.config)


def parse_arguments(
    arguments: list[str], *, native: bool, environment: Mapping[str, str] = os.environ
) -> Options:
    """Read a command line. Exits with 2 and a message where it cannot be read, with 0 after --help and --version."""
    dialect = Dialect.UPSTREAM if native else _dialect(arguments)
    parser = _parser(native=native, dialect=dialect)
    found, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_whose(unknown, native=native)}")
    pod_cidrs = getattr(found, "pod_cidrs", None)
    scope = getattr(found, "scope", None) or ("pods" if pod_cidrs else "node")
    if scope == "pods" and not pod_cidrs:
        parser.error("--scope=pods takes this node's Pod ranges; write --pod-cidrs=CIDR,…")
    if scope == "node" and pod_cidrs:
        parser.error(
            "--pod-cidrs limits the scope, and --scope=node says that it is not; leave one of them out"
        )
    if scope == "pods" and found.backend.startswith("iptables") and not found.observe:
        parser.error(
            f"--backend={found.backend} holds upstream's chain, which cannot tell Pods from others; leave it out, or "
            "--pod-cidrs"
        )
    if found.observe and found.transition is not TransitionMode.KEEP:
        parser.error(
            f"--observe changes nothing on the node, and --transition={found.transition} ends connections; leave one of them out"
        )
    if found.observe and found.conflict_interval:
        parser.error(
            "--observe looks at the rules of others in each verification (resyncInterval); leave --conflict-interval out"
        )
    if found.accounting:
        _check_accounting(parser, found)
    api = api_options(parser, found, azure=dialect is Dialect.AZURE, environment=environment)
    random_fully = found.random_fully
    return Options(
        native=native,
        dialect=dialect,
        config=found.config or (AZURE_CONFIG if dialect is Dialect.AZURE else CONFIG),
        api=api,
        state=found.state if str(found.state) not in ("", ".") else None,
        settings=Settings(
            # In the scope of Pods IPv6 follows from the lists and from the node's own ranges, unless the flag says it.
            ipv6=bool(found.enable_ipv6)
            if found.enable_ipv6 is not None or not pod_cidrs
            else None,
            all_reserved_ranges=found.nomasq_all_reserved_ranges,
            pod_cidrs=pod_cidrs,
            resync_interval=getattr(found, "resync_interval", None),
        ),
        masquerade=Masquerade(
            random_fully=dialect is not Dialect.AZURE if random_fully is None else random_fully,
            to_ports=found.to_ports,
            kube_proxy_mark_bit=found.kube_proxy_mark_bit,
            preserve=found.preserve,
            accounting=found.accounting,
        ),
        backend=found.backend,
        masq_chain=found.masq_chain,
        random_fully_given=random_fully is not None,
        observe=found.observe,
        conflict_interval=found.conflict_interval,
        transition=found.transition,
        metrics_bind_address=found.metrics_bind_address,
        query_socket=_query_socket(found.query_socket),
        log_format=found.log_format,
        ignored=tuple(name for name in _KLOG_FLAGS if getattr(found, _attribute(name)) is not None),
    )


def _query_socket(given: Path | None) -> Path | None:
    """The DaemonSet gives the default a folder; elsewhere nobody has asked for a socket."""
    if given is None:
        return QUERY_SOCKET if QUERY_SOCKET.parent.is_dir() else None
    return given if str(given) not in ("", ".") else None


def _check_accounting(parser: argparse.ArgumentParser, found: argparse.Namespace) -> None:
    if found.observe:
        parser.error(
            "--accounting counts packets in a chain of its own, and --observe writes none; leave one of them out"
        )
    if found.backend.startswith("iptables"):
        parser.error(
            f"--accounting counts packets with nftables only; leave it or --backend={found.backend} out"
        )


def _whose(unknown: list[str], *, native: bool) -> str:
    """Where a flag belongs that this command line does not have."""
    names = {argument.partition("=")[0].lstrip("-") for argument in unknown}
    if not native and names & {"pod-cidrs", "scope"}:
        return "; the scope of Pods is the native mode's: `wayhome agent`"
    if "resync-interval" in names:
        return "; it is a flag of Azure's agent: for its command line and files, give `wayhome-agent` --dialect=azure too"
    return ""


def _dialect(arguments: list[str]) -> Dialect:
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


def _parser(*, native: bool, dialect: Dialect) -> argparse.ArgumentParser:
    azure = dialect is Dialect.AZURE
    parser = _Parser(
        prog="wayhome agent" if native else "wayhome-agent",
        description="Keeps this node's masquerade rules as the configuration file says.",
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
        flag(
            "scope",
            choices=("pods", "node"),
            metavar="pods|node",
            help="pods: what this node's Pods send (the default with --pod-cidrs); node: whatever leaves the node, as upstream",
        )
        flag(
            "pod-cidrs",
            type=parse_prefixes,
            default=None,
            metavar="CIDRS",
            help="this node's Pod ranges, separated by commas: only what they send is masqueraded",
        )
    for name in _KLOG_FLAGS:
        flag(name, nargs="?", const="", dest=_attribute(name), help=argparse.SUPPRESS)
    parser.add_argument("--version", "-version", action="version", version=f"wayhome {__version__}")
    return parser


def _attribute(klog_flag: str) -> str:
    return "klog_" + klog_flag.replace("-", "_")
