"""What the agent says on its socket: its state, as in its Lease, and the configuration that the kernel holds."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wayhome import __version__
from wayhome.agent.arguments import Options
from wayhome.agent.query_server import Document, Queries
from wayhome.agent.tally import Tally

if TYPE_CHECKING:
    from wayhome.kube.status_lease import NodeStatus


def queries(
    options: Options,
    tally: Tally,
    backend: str,
    status: "Callable[[], NodeStatus | None] | None",
) -> Queries:
    """All of them. `status`: what the cluster is told; None in file mode, where it is told nothing."""

    def state() -> Document:
        found = status() if status else _status(options, tally, backend)
        said = {} if found is None else {k: _plain(v) for k, v in asdict(found).items() if v}
        return {**said, "ready": tally.ready, "observe": options.observe}

    def configuration() -> Document:
        return _configuration(options, tally, backend)

    return {"status": state, "configuration": configuration}


def _status(options: Options, tally: Tally, backend: str) -> "NodeStatus | None":
    # Imported when somebody asks: an agent in file mode has no other use for it.
    from wayhome.agent.node_status import ScopeFacts, status_of  # noqa: PLC0415
    from wayhome.kube.status_lease import NodeStatus  # noqa: PLC0415

    about = NodeStatus(
        node="", source=f"file {options.config}", backend=backend, agent_version=__version__
    )
    return status_of(about, tally, ScopeFacts(), datetime.now(UTC), observing=options.observe)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _configuration(options: Options, tally: Tally, backend: str) -> Document:
    """The text that the kernel holds (None: upstream's defaults), and what of its meaning no text says."""
    held = tally.applied_held
    pods = held.configuration.policy.pod_cidrs if held else options.settings.pod_cidrs
    return {
        "held": held is not None,
        "text": held.data.decode("utf-8", "replace") if held and held.data is not None else None,
        "dialect": options.dialect.value,
        "united": options.api is not None and len(options.api.configmaps) > 1,
        "ipv6": options.scoped(pods).ipv6,
        "all_reserved_ranges": options.settings.all_reserved_ranges,
        "pod_cidrs": None if pods is None else [str(prefix) for prefix in pods],
        "table": backend == "nftables" and not options.observe,
    }
