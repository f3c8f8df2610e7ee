"""The nftables back end: a policy compiled into our private table, and that applied by difference."""

from wayhome.kernel.apply import Applier
from wayhome.kernel.backend import Kernel
from wayhome.kernel.change import Change
from wayhome.kernel.counts import Connections, connections
from wayhome.kernel.masquerade import Masquerade
from wayhome.kernel.nftables import NftablesKernel
from wayhome.kernel.ruleset import Ruleset, ruleset_of
from wayhome.policy import Policy


class NftablesBackend:
    """Holds policies in the table `inet wayhome` of one kernel, which it closes in the end."""

    name = "nftables"
    poll_interval: float | None = None

    def __init__(self, kernel: Kernel, masquerade: Masquerade) -> None:
        self._kernel = kernel
        self._applier = Applier(kernel)
        self._masquerade = masquerade
        self._compiled: tuple[Policy, Ruleset] | None = None

    def apply(self, policy: Policy) -> Change:
        """Bring the table to the policy: elements where that is enough, else the table as a whole."""
        return self._applier.apply(self._ruleset(policy))

    def forget(self) -> None:
        """The next verb asks the kernel for everything."""
        self._kernel.forget()

    def remove(self) -> bool:
        """Remove our table; whether there was one."""
        held = self._kernel.read() is not None
        if held:
            self._kernel.remove()
        return held

    def connections(self) -> Connections | None:
        """What the elements of the list have counted."""
        if self._compiled is None:
            return None
        return connections(self._compiled[1], self._kernel.counts())

    def close(self) -> None:
        """Let go of the namespace."""
        if isinstance(self._kernel, NftablesKernel):  # a kernel in memory holds nothing
            self._kernel.close()

    def _ruleset(self, policy: Policy) -> Ruleset:
        """The policy compiled; the same one is applied again and again, and 10,000 entries take a while."""
        if self._compiled is None or self._compiled[0] is not policy:
            self._compiled = policy, ruleset_of(policy, self._masquerade)
        return self._compiled[1]
