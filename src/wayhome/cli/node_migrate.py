"""`wayhome node migrate`: from an agent's iptables chains to our table, without a wrong moment in between.

Ours is there first, put there and kept by our agent. While both are there theirs decides, because ours stands behind it;
once theirs is gone, ours does. Where both say the same no connection sees the change, and that is checked before.
"""

import sys
from collections.abc import Iterator

import click

from wayhome.cli.printable import printable
from wayhome.kernel import KernelError, NftablesKernel, RefusedError
from wayhome.kernel.foreign.differences import Differences, differences
from wayhome.kernel.foreign.ours import Ours, ours_of
from wayhome.kernel.foreign.processes import agent_processes, agent_runs
from wayhome.kernel.foreign.ranges import written
from wayhome.kernel.foreign.read import read
from wayhome.kernel.foreign.takeover import Removal, removals, remove, wait_for_return
from wayhome.netfilter.agent_chains import AgentChain, Spelling, agent_chains, spelling_of
from wayhome.netfilter.rules import Variant

NO_TABLE = (
    "there is no table inet wayhome in force here, and without it the Pods' connections would go untranslated. Start "
    "our agent on this node first, with the configuration of the agent that it replaces and the nftables back end: "
    "the DaemonSet with its image, or `wayhome-agent`. Then run this again"
)
DIFFERENT = (
    "nothing was changed, because the two lists differ. Give our agent the list that is wanted, or accept the "
    "differences with --accept-differences"
)
NO_AGENT = (
    "warning: no agent of ours runs in this network namespace, so nobody keeps the table inet wayhome when somebody "
    "removes it or the node starts anew"
)
_RESYNCS = 2
_LOOKS_PER_RESYNC = 12
_ATTEMPTS = 3


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be restored, and change nothing.")
@click.option(
    "--accept-differences",
    is_flag=True,
    help="Go on although the two lists treat some connections differently.",
)
@click.option("--resync", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True, metavar="SECONDS", help="The replaced agent's resync interval; two of them are watched.")  # fmt: skip
def migrate(*, dry_run: bool, accept_differences: bool, resync: float) -> None:
    """Take over from the chains of ip-masq-agent (upstream's, Azure's, GKE's).

    Our own rules have to be there already: our agent writes them. Exit code 1: the lists differ, or a chain came back.
    """
    try:
        ours = _ours()
        chains = agent_chains(read())
        if not chains:
            click.echo("there is no chain of an ip-masq-agent on this node: nothing to take over")
            return
        _refuse_what_iptables_cannot_change(chains)
        wanted = removals(chains)
        differ = _tell_differences(chains, ours)
        if dry_run:
            _print_plan(wanted)
        if differ and not accept_differences:
            click.echo(DIFFERENT, err=True)
            sys.exit(1)
        if dry_run:
            return
        if not agent_runs():
            click.echo(NO_AGENT, err=True)
        removed = _remove()
        _watch(removed, resync)
    except KernelError as error:
        click.echo(printable(str(error)), err=True)
        sys.exit(4)


def _ours() -> Ours:
    with NftablesKernel() as kernel:
        ours = ours_of(kernel.read())
    if ours is None:
        raise KernelError(NO_TABLE)
    return ours


def _refuse_what_iptables_cannot_change(chains: tuple[AgentChain, ...]) -> None:
    for chain in chains:
        if chain.base.variant is Variant.NATIVE:
            table = f"{chain.base.family} {chain.base.table}"
            raise KernelError(
                f"{chain}: table {table} holds rules that iptables cannot read, or iptables is not installed, so it "
                f"cannot be changed in one step: `nft -a list table {table}` shows them"
            )


def _tell_differences(chains: tuple[AgentChain, ...], ours: Ours) -> bool:
    found = differences(chains, ours)
    for difference in found:
        for line in _told(difference):
            click.echo(printable(f"difference: {line}"), err=True)
    return bool(found)


def _told(found: Differences) -> Iterator[str]:
    if found.theirs_alone:
        yield f"{written(found.family, found.theirs_alone)}: masqueraded by their chain, would keep the Pod's address"
    if found.ours_alone:
        yield f"{written(found.family, found.ours_alone)}: kept by their chain, masqueraded by our table"
    if found.narrower:
        yield f"IPv{found.family:d}: their chain masquerades whatever leaves the node, our table only what comes from its Pods"
    for rule in found.uncertain:
        yield f"IPv{found.family:d}: what this rule of theirs translates cannot be said: {rule}"


def _print_plan(wanted: tuple[Removal, ...]) -> None:
    for one in wanted:
        click.echo(f"# {' '.join(one.command)}")
        click.echo(printable(one.text, lines=True), nl=False)


def _remove() -> tuple[Removal, ...]:
    """Remove all chains. What was changed since it was read is read again."""
    done: list[Removal] = []
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            for one in removals(agent_chains(read())):
                remove(one)
                done.append(one)
                jumps = sum(len(chain.jumps) for chain in one.chains)
                names = ", ".join(str(chain) for chain in one.chains)
                click.echo(printable(f"removed: {names}, and {jumps} jump{'s' if jumps != 1 else ''}"))  # fmt: skip
        except RefusedError:
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return tuple(done)


def _watch(removed: tuple[Removal, ...], resync: float) -> None:
    click.echo(
        f"our table decides; watching for {_RESYNCS * resync:g} s whether a chain comes back"
    )
    back = wait_for_return(removed, _RESYNCS * resync, resync / _LOOKS_PER_RESYNC)
    if not back:
        click.echo("none came back")
        return
    for line in _accusation(back):
        click.echo(printable(line), err=True)
    sys.exit(1)


def _accusation(back: tuple[AgentChain, ...]) -> Iterator[str]:
    """Who wrote the chains that are back, and how sure that is."""
    for chain in back:
        yield f"{chain} is back, and decides before our table: somebody still writes it"
        spellings = {spelling_of(jump) for jump in chain.jumps} - {Spelling.OTHER}
        for spelling in sorted(spellings, key=str):
            yield f"  by the jump's spelling, written by {spelling.value} (sure as far as the spelling goes)"
    running = agent_processes()
    for process in running:
        yield f"  running here: {process}: very likely the writer"
    if not running:
        yield "  no process of that name is seen from here; a container sees only its own, unless its Pod has hostPID"
    yield "stop it (`kubectl -n kube-system get daemonsets` shows who may be meant), and run this again"
