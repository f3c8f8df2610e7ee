"""Which back end this agent gets: the one that its command line names, or the one that the node calls for.

What is picked is said, with the reason, and so is whatever on the node decides before it.
"""

from dataclasses import replace

from wayhome.agent.arguments import Options
from wayhome.agent.dataplane import DataplaneBackend
from wayhome.agent.logs import Log
from wayhome.agent.scope_flags import NodesRanges
from wayhome.agent.sightings import Sightings
from wayhome.kernel import (
    Backend,
    BackendName,
    Choice,
    Facts,
    KernelError,
    Preserve,
    choose,
    gather,
    iptables,
    open_backend,
)


def choose_backend(options: Options, log: Log, sightings: Sightings) -> Backend:
    """Open it. Runs programs, and so may take a while. Raises KernelError where there is none."""
    if options.observe:
        # An agent that keeps rules never pays for it.
        from wayhome.agent.observing import ObservingBackend  # noqa: PLC0415

        # Nothing to draw ports for; whether packets come to the observed rules at all is judged as for ours.
        masquerade = replace(options.masquerade, random_fully=False)
        return DataplaneBackend(
            lambda _: ObservingBackend(sightings),
            masquerade,
            asked=False,
            log=log,
            sightings=sightings,
        )
    chain = options.masq_chain or iptables.CHAIN
    # A node whose operator asks for nftables does not pay for a look at the legacy table.
    facts = gather(chain, legacy=options.backend != BackendName.NFTABLES)
    choice = _choice(options, facts, chain)
    backend = DataplaneBackend(
        lambda masquerade: open_backend(choice.name, masquerade, chain),
        options.masquerade,
        asked=options.random_fully_given,
        log=log,
        sightings=sightings,
    )
    log.info("backend", f"back end {backend.name}: {choice.reason}")
    if options.masquerade.accounting and choice.name is not BackendName.NFTABLES:
        log.warning(
            "accounting",
            f"--accounting counts nothing with the back end {backend.name}: packets and bytes are counted by nftables only; "
            "--backend=nftables",
        )
    if choice.name is BackendName.NFTABLES:
        if options.masq_chain:
            log.info(
                "flags",
                f"--masq-chain={chain} names nothing: the rules are the nftables table inet wayhome",
            )
    elif options.masquerade.preserve is Preserve.ASSERT:
        log.warning(
            "preserve",
            f"--preserve=assert has no effect: the chain of {choice.name} can keep an address from itself, but not from the "
            "rules of others; it takes --backend=nftables",
        )
    _warn_of_other_chains(choice.name, facts, chain, log)
    return backend


def _warn_of_other_chains(name: BackendName, facts: Facts, chain: str, log: Log) -> None:
    """A chain of the same name that this back end does not keep goes on deciding as it did."""
    others = [variant for variant in facts.with_chain if variant != name]
    if others and name is BackendName.NFTABLES:
        log.warning(
            "foreign chain",
            f"the node's nat table ({', '.join(others)}) holds the chain {chain}, which decides before the "
            "table inet wayhome; `wayhome node migrate` removes it",
        )
    elif others:
        log.warning(
            "foreign chain",
            f"the nat table of {', '.join(others)} holds the chain {chain} too, and nobody keeps that one: it goes on "
            "deciding as it does now, whatever the configuration says; to get rid of both, start with --backend=nftables "
            "and run `wayhome node migrate`",
        )
    if facts.legacy_problem and name is not BackendName.IPTABLES_LEGACY:
        log.warning(
            "foreign chain",
            f"whether iptables-legacy holds the chain {chain}, which would go on deciding, is not known: "
            f"{facts.legacy_problem}",
        )


def _choice(options: Options, facts: Facts, chain: str) -> Choice:
    of_pods = options.settings.pod_cidrs is not None or options.nodes_ranges is NodesRanges.ASKED
    if options.backend == "auto" and not of_pods:
        return choose(facts, chain=chain)
    if options.backend == "auto":
        # The scope of Pods is more than a chain of iptables can say, whether it is there already or not.
        found = choose(replace(facts, with_chain=()), chain=chain)
        if found.name is not BackendName.NFTABLES:
            raise KernelError(f"the scope of Pods takes the nftables back end: {found.reason}")
        return found
    if options.backend == "iptables":
        return choose(facts, iptables=True, chain=chain)
    name = BackendName(options.backend)
    return Choice(name, f"--backend={name}")
