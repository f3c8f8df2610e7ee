"""The agent's command lines: upstream's and Azure's, as they stand in people's DaemonSets, and the native one.

All accept upstream's flags with upstream's meaning, written as Go's flag package allows: one dash or two, `--flag`,
`--flag=true`. klog's flags are accepted and have no effect. The native command line adds the scope of Pods. Whose
command line and files are read is said by `--dialect` and never guessed.

argparse and not click: the agent's container installs nothing that it does not need.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wayhome.agent.api_arguments import ApiOptions, api_options
from wayhome.agent.command_line import (
    AZURE_CONFIG,
    CONFIG,
    KLOG_FLAGS,
    Dialect,
    attribute_of,
    dialect_of,
    parser_of,
)
from wayhome.agent.logs import Format
from wayhome.agent.query_server import QUERY_SOCKET
from wayhome.agent.scope_flags import NodesRanges, check_scope
from wayhome.kernel import Masquerade
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.policy import Settings
from wayhome.prefixes import Prefix


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
    nodes_ranges: NodesRanges
    ipv6_given: bool
    """Whether `--enable-ipv6` stands on the command line, whatever it says."""
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

    def scoped(self, pod_cidrs: tuple[Prefix, ...] | None) -> Settings:
        """The settings with these Pod ranges, or None for upstream's scope."""
        flag = self.settings.ipv6 if self.ipv6_given else None
        return replace(self.settings, pod_cidrs=pod_cidrs, ipv6=_ipv6(flag, pod_cidrs))


def parse_arguments(
    arguments: list[str], *, native: bool, environment: Mapping[str, str] = os.environ
) -> Options:
    """Read a command line. Exits with 2 and a message where it cannot be read, with 0 after --help and --version."""
    dialect = Dialect.UPSTREAM if native else dialect_of(arguments)
    parser = parser_of(native=native, dialect=dialect)
    found, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_whose(unknown, native=native)}")
    pod_cidrs = getattr(found, "pod_cidrs", None)
    api = api_options(parser, found, azure=dialect is Dialect.AZURE, environment=environment)
    nodes_ranges = check_scope(parser, found, api) if native else NodesRanges.NO
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
    random_fully = found.random_fully
    return Options(
        native=native,
        dialect=dialect,
        config=found.config or (AZURE_CONFIG if dialect is Dialect.AZURE else CONFIG),
        api=api,
        state=found.state if str(found.state) not in ("", ".") else None,
        settings=Settings(
            ipv6=_ipv6(found.enable_ipv6, pod_cidrs),
            all_reserved_ranges=found.nomasq_all_reserved_ranges,
            pod_cidrs=pod_cidrs,
            resync_interval=getattr(found, "resync_interval", None),
        ),
        nodes_ranges=nodes_ranges,
        ipv6_given=found.enable_ipv6 is not None,
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
        ignored=tuple(
            name for name in KLOG_FLAGS if getattr(found, attribute_of(name)) is not None
        ),
    )


def _ipv6(flag: bool | None, pod_cidrs: tuple[Prefix, ...] | None) -> bool | None:
    """In the scope of Pods IPv6 follows from the lists and from the node's own ranges, unless the flag says it."""
    return None if pod_cidrs and flag is None else bool(flag)


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
