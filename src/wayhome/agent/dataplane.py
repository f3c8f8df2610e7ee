"""A back end on a node where eBPF may have a part in forwarding: Cilium, and GKE's Dataplane V2, which is made of it.

Cilium keeps its own record of connections, and a source port that netfilter draws at random is none that it expects:
Google asks for `--random-fully=false` there. So where Cilium is, ports are kept if they are free, unless the command
line says `--random-fully` itself. Its agent may come to a new node after this one, so it is looked for in each regular
verification; what was switched off stays off until this process ends.

Whether the rules are consulted at all is judged at the same time (`bypass`). In between, this costs nothing: `apply`
is the inner back end's.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from wayhome.agent.bypass import Judge
from wayhome.agent.logs import Log
from wayhome.agent.sightings import Sightings
from wayhome.kernel import Backend, Change, ChangeKind, Connections, KernelError, Masquerade
from wayhome.kernel.foreign import links
from wayhome.policy import Policy


class DataplaneBackend:
    """Holds policies by another back end, which `open_backend` opens for the options that the dataplane allows.

    `asked`: whether the command line says itself whether ports are drawn at random. Raises KernelError.
    """

    def __init__(
        self,
        open_backend: Callable[[Masquerade], Backend],
        masquerade: Masquerade,
        *,
        asked: bool,
        log: Log,
        sightings: Sightings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_backend
        self._masquerade = masquerade
        self._asked = asked
        self._log = log
        self._sightings = sightings
        self._clock = clock
        self._cilium: str | None = None
        self._verifying = False
        self._mind_cilium()
        self._inner = open_backend(self._masquerade)
        self._policy: Policy | None = None
        self._judge = Judge(self._counted, self._any_forwarded)

    @property
    def name(self) -> str:
        """The inner back end's."""
        return self._inner.name

    @property
    def poll_interval(self) -> float | None:
        """The inner back end's."""
        return self._inner.poll_interval

    def apply(self, policy: Policy) -> Change:
        """Have the policy held; after `forget`, which begins a verification, look at the dataplane too."""
        self._policy = policy
        verifying, self._verifying = self._verifying, False
        if verifying and self._mind_cilium():
            return self._reopened(policy)
        change = self._inner.apply(policy)
        if verifying:
            self._look()
        return change

    def forget(self) -> None:
        """A verification begins."""
        self._verifying = True
        self._inner.forget()

    def remove(self) -> bool:
        """Have all rules removed."""
        return self._inner.remove()

    def connections(self) -> Connections | None:
        """What the inner back end has counted."""
        return self._inner.connections()

    def close(self) -> None:
        """Let go of the kernel."""
        self._inner.close()

    def _mind_cilium(self) -> bool:
        """Look for Cilium where it was not there before; whether the options have changed by it."""
        if self._cilium is not None:
            return False
        self._cilium = links.cilium_interface()
        if self._cilium is None or not self._masquerade.random_fully:
            return False
        if self._asked:
            self._log.warning(
                "random ports",
                f"--random-fully with the interface {self._cilium} on this node, which is Cilium's, or that of GKE's Dataplane "
                "V2: source ports drawn at random confuse its record of connections; --random-fully=false is what Google "
                "asks for there",
            )
            return False
        self._log.info(
            "random ports",
            f"--random-fully is off: the interface {self._cilium} is Cilium's, or that of GKE's Dataplane V2, whose record of "
            "connections does not expect source ports drawn at random",
        )
        self._masquerade = replace(self._masquerade, random_fully=False)
        return True

    def _reopened(self, policy: Policy) -> Change:
        """Bring the kernel to the other options. Neither the configuration has changed nor was anything damaged."""
        reopened = self._open(self._masquerade)
        self._inner.close()
        self._inner = reopened
        change = self._inner.apply(policy)
        return Change(ChangeKind.NOTHING, change.seconds)

    def _look(self) -> None:
        """Judge whether the rules are consulted, where there are any: connection tracking may be off without them.

        A failure is no failure of the rules, and says nothing.
        """
        if not self._sightings.rules_in_force:
            return
        try:
            verdict = self._judge.judge(self._clock(), links.packets_from_pods())
        except KernelError:
            return
        if verdict:
            self._sightings.judged(verdict, self._cilium)

    def _counted(self) -> int | None:
        counted = self._inner.connections()
        if counted is None:
            return None
        return sum(counted.by_entry.values()) + counted.by_no_entry

    def _any_forwarded(self) -> bool:
        # Half a mebibyte that an agent whose rules are consulted never needs.
        from wayhome.kernel.foreign.forwarded import any_forwarded  # noqa: PLC0415
        from wayhome.kernel.foreign.report import pods_of  # noqa: PLC0415

        return any_forwarded(pods_of(self._policy) if self._policy else None)
