"""What is seen of others on the node, said once when it changes, and kept for the metrics.

Rules of others that are in conflict, rules that decide otherwise than the configuration (`--observe`), and packets
that netfilter never sees: nothing of it is this agent's to repair, all of it is for somebody to know.
"""

from typing import TYPE_CHECKING

from wayhome.agent.bypass import Verdict
from wayhome.agent.logs import Log
from wayhome.agent.tally import Tally

if TYPE_CHECKING:
    from wayhome.kernel.foreign.report import Report

CURE = (
    "give the node's agent this configuration (the ConfigMap ip-masq-agent in kube-system; a change takes upstream's "
    "up to two minutes), and this one the flags that the node's agent has (--nomasq-all-reserved-ranges, --enable-ipv6)"
)
LEFT_OVER = (
    "where no agent of ours keeps the table inet wayhome any more: `wayhome-agent clean` removes it"
)
_SHOWN = 20
"""Log lines for one look; the rest is counted."""


class Sightings:
    """Tells the log and the tally."""

    def __init__(self, log: Log, tally: Tally) -> None:
        self._log = log
        self._tally = tally
        self._last: Report | None = None
        self._problem = ""

    @property
    def rules_in_force(self) -> bool:
        """Whether any rules masquerade here: ours always do, those that are only observed may not be there."""
        report = self._tally.report
        return report is None or report.deciders is None or bool(report.deciders)

    def looked(self, report: "Report") -> None:
        """A look at the rules of others came to an end."""
        last, self._last = self._last, report
        if self._problem:
            self._problem = ""
            self._log.info("looked", "the rules of others could be read again")
        self._tally.looked(report)
        if report.deciders is not None:
            self._observed(report, last)
        told = {one.sentence for one in last.conflicts} if last else set()
        new = [one for one in report.conflicts if one.sentence not in told]
        for one in new[:_SHOWN]:
            self._log.warning("conflict", one.sentence)
        if len(new) > _SHOWN:
            self._log.warning(
                "conflict", f"and {len(new) - _SHOWN} more; `wayhome node conflicts` lists all"
            )
        if report.is_cut:
            return  # what is missing may only have been pushed out by what is new
        now = {one.sentence for one in report.conflicts}
        for sentence in sorted(told - now)[:_SHOWN]:
            self._log.info("conflict gone", f"no longer so: {sentence}")

    def _observed(self, report: "Report", last: "Report | None") -> None:
        if last and (last.deciders, last.disagreements) == (report.deciders, report.disagreements):
            return
        by = ", ".join(report.deciders or ()) or "nothing"
        if not report.disagreements:
            self._log.info(
                "agrees",
                "the rules on this node treat every destination as the configuration says",
                decided_by=by,
            )
        for sentence in report.disagreements[:_SHOWN]:
            self._log.warning("disagrees", sentence, decided_by=by)
        if report.disagreements:
            several = len(report.deciders or ()) > 1 and "inet wayhome" in (report.deciders or ())
            cure = f"{CURE}; {LEFT_OVER}" if several else CURE
            self._log.warning("cure", f"what helps: {cure}", differences=len(report.disagreements))

    def not_looked(self, problem: str) -> None:
        """A look failed, and nobody else says so."""
        self.unknown()
        if problem != self._problem:
            self._problem = problem
            self._log.warning("not looked", f"{problem}; whether there are conflicts is not known")

    def unknown(self) -> None:
        """What was seen before is not known to be so any more."""
        self._tally.not_looked()

    def judged(self, verdict: Verdict, cilium: str | None) -> None:
        """Whether packets of Pods go past netfilter has been judged. `cilium`: its interface, where it runs."""
        last, self._tally.bypassed = self._tally.bypassed, verdict.bypassed
        if verdict.bypassed and not last:
            self._log.error(
                "bypassed",
                f"these rules are not consulted: Pods sent {verdict.packets} packets in {verdict.minutes:.0f} minutes, and "
                "neither the rules nor connection tracking saw a connection of theirs with another machine: "
                f"{_another_way(cilium)}",
                packets=verdict.packets,
            )
        elif last and not verdict.bypassed:
            self._log.info("consulted", "connections of Pods come to these rules again")


def _another_way(cilium: str | None) -> str:
    if cilium is None:
        return (
            "something forwards them past netfilter (eBPF, a flow table) or leaves them untracked; or these Pods talk to "
            "this node only"
        )
    return (
        f"eBPF forwards them past netfilter (Cilium, or GKE's Dataplane V2: there is the interface {cilium}). With Cilium "
        "the list belongs into its own ip-masq-agent (Helm: ipMasqAgent.enabled, ipMasqAgent.config)"
    )
