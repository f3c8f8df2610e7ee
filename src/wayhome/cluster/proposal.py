"""What an apply would do, and whether it may: everything that is found out before the first write.

The API server is asked too, by a dry run, so that a right that is missing or a policy of admission is told before a
node has changed. What must be reached is tried: what fails already is no fault of the change.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wayhome.cluster.agent_sets import settings_of
from wayhome.cluster.before import Before, before_of, everywhere, in_place_of
from wayhome.cluster.look import Facts, Unseen
from wayhome.cluster.must_reach import MustReach, Prober, Proof
from wayhome.cluster.node_plans import NodePlans, names, node_plans
from wayhome.cluster.notes import forgotten, is_azures
from wayhome.cluster.ownership import MANAGER, Hand, Owner, owners
from wayhome.cluster.report import Condition, Report
from wayhome.cluster.wanted import DATA_KEY
from wayhome.kube.client import Client
from wayhome.kube.errors import RefusedError
from wayhome.kube.objects import Object, key_of
from wayhome.kube.resources import CONFIG_MAPS
from wayhome.policy import Configuration, Finding, Settings, parse
from wayhome.policy.changes import Change, changes
from wayhome.policy.configuration import defaults

_CANARIES = (
    Condition.CURRENT,
    Condition.BEHIND,
    Condition.REJECTED,
    Condition.UNREADABLE,
    Condition.SCOPE_REFUSED,
)
"""Nodes whose agents are heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted of an apply."""

    text: bytes
    canary: tuple[str, ...] = ()
    must_reach: tuple[MustReach, ...] = ()
    force: bool = False
    """Take the key over from whoever set it last, as far as he does not write it again by himself."""
    ask_nodes: int = 100
    """At how many nodes to count connections."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it may not be done. `shows_manifest`: what to put into somebody else's source helps."""

    exit_code: int
    text: str
    shows_manifest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What was found out."""

    order: Order
    text: str
    facts: Facts
    report: Report
    before: Before
    findings: tuple[Finding, ...]
    configuration: Configuration | None
    changes: tuple[Change, ...] | None
    """None: what is there now cannot be read, so nothing can be compared with it."""
    owners: tuple[Owner, ...] = ()
    plans: NodePlans | None = None
    proofs: tuple[Proof, ...] = ()
    refusal: Refusal | None = None

    @property
    def is_change(self) -> bool:
        """Whether the key's text becomes another."""
        return self.before.now != self.text

    @property
    def needs_writing(self) -> bool:
        """Whether there is anything to write, be it only what an earlier apply has left."""
        return self.is_change or self.before.left is not None

    @property
    def nodes(self) -> int | None:
        """How many nodes agents are to spread their writes over; None: not known."""
        return None if isinstance(self.facts.nodes, Unseen) else self.report.counted


async def propose(
    client: Client, order: Order, report: Report, prober: Prober | None = None
) -> Proposal:
    """Find out. Raises KubeError where the cluster cannot be asked."""
    facts = report.facts
    settings = settings_of(() if isinstance(facts.agents, Unseen) else facts.agents)
    read = parse(order.text, settings)
    configuration = read.configuration
    item = None if isinstance(facts.item, Unseen) else facts.item
    before = before_of(facts.configmap, facts.data_key, item)
    found = Proposal(
        order=order,
        text=_text(order.text),
        facts=facts,
        report=report,
        before=before,
        findings=read.findings + (forgotten(facts, configuration) if configuration else ()),
        configuration=configuration,
        changes=_changes(before.now, configuration, settings),
        owners=_owners(facts, item),
    )
    refusal = _refusal(found) or await _dry_run(client, found)
    if refusal:
        return replace(found, refusal=refusal)
    plans = (
        await node_plans(client, report, order.text, order.ask_nodes) if found.is_change else None
    )
    if plans and plans.rejecting:
        who = f"the agents of {names(plans.rejecting)} would reject it: {plans.rejecting[0].rejection}"
        return replace(found, plans=plans, refusal=Refusal(1, who))
    proofs = await _tried(order.must_reach, prober)
    untried = [proof for proof in proofs if proof.before.reached is None]
    if untried:
        why = "; ".join(f"{p.wanted} cannot be tried: {p.before.detail}" for p in untried)
        refusal = Refusal(3, why)
    return replace(found, plans=plans, proofs=proofs, refusal=refusal)


def _text(data: bytes) -> str:
    """As a ConfigMap holds it: UTF-8, whatever the file's encoding was."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-16", "replace")


def _changes(
    now: str | None, configuration: Configuration | None, settings: Settings
) -> tuple[Change, ...] | None:
    """Against what stands there now; against upstream's defaults where nothing does."""
    old = defaults(settings) if now is None else parse(now.encode(), settings).configuration
    if old is None or configuration is None:
        return None
    return changes(old.policy, configuration.policy)


def _owners(facts: Facts, item: Object | None) -> tuple[Owner, ...]:
    found = owners(item, facts.data_key) if item else ()
    if facts.egress_policies and not isinstance(facts.egress_policies, Unseen):
        names = ", ".join(key_of(policy)[1] for policy in facts.egress_policies[:3])
        return (Owner(Hand.CONTROLLER, "GKE", f"from its EgressNATPolicy objects: {names}"), *found)
    return found


def _refusal(found: Proposal) -> Refusal | None:
    facts = found.facts
    name = "/".join(facts.configmap)
    if found.configuration is None:
        return Refusal(1, "the configuration has errors: nothing was changed")
    if facts.contradiction:
        return Refusal(2, facts.contradiction)
    if isinstance(facts.item, Unseen):
        return Refusal(3, f"the ConfigMap {name} cannot be read: {facts.item.reason}")
    if is_azures(facts) and facts.data_key == DATA_KEY:
        return Refusal(2, f"Azure's agents read every key of {name} that begins with ip-masq, and not {DATA_KEY}: name one with --key")  # fmt: skip
    if isinstance(facts.item, dict) and facts.data_key in (facts.item.get("binaryData") or {}):
        return Refusal(1, f"ConfigMap {name} holds {facts.data_key} in binaryData; remove it there first: kubectl edit configmap {name.partition('/')[2]} --namespace {facts.configmap[0]}")  # fmt: skip
    if found.is_change and (refusal := _not_ours(found)):
        return refusal
    return _canary_refusal(found)


def _not_ours(found: Proposal) -> Refusal | None:
    """Somebody else keeps the key."""
    controllers = [owner for owner in found.owners if owner.hand is Hand.CONTROLLER]
    name = "/".join(found.facts.configmap)
    if controllers:
        who = ", ".join(map(str, controllers))
        return Refusal(
            1,
            f"ConfigMap {name} is kept by {who}, which would write its own text again. Put this into its source "
            "instead, or take the ConfigMap out of its hands first",
            shows_manifest=True,
        )
    if not found.owners or found.order.force:
        return None
    who = ", ".join(map(str, found.owners))
    return Refusal(
        1,
        f"data.{found.facts.data_key} of ConfigMap {name} was set by {who}, and not by wayhome. If nobody sets it again, "
        "--force-conflicts takes it over; otherwise this belongs into its source",
        shows_manifest=any(owner.hand is not Hand.PERSON for owner in found.owners),
    )


def _canary_refusal(found: Proposal) -> Refusal | None:
    rows = {row.node: row for row in found.report.rows}
    unknown = [name for name in found.order.canary if name not in rows]
    if unknown:
        return Refusal(2, f"there is no node {', '.join(unknown)}")
    mute = [name for name in found.order.canary if rows[name].condition not in _CANARIES]
    if mute:
        said = ", ".join(f"{name} ({rows[name].condition.value})" for name in mute)
        return Refusal(2, f"no canary can be {said}: its agent would not say whether it takes the candidate")  # fmt: skip
    return None


async def _dry_run(client: Client, found: Proposal) -> Refusal | None:
    if not found.needs_writing:
        return None
    before = found.before
    item = in_place_of(everywhere(before, found.text, found.nodes), before.there)
    try:
        await client.apply(CONFIG_MAPS, item, MANAGER, force=before.there is not None, dry_run=True)
    except RefusedError as error:
        code = 1 if error.code in (400, 409, 422) else 3
        return Refusal(code, f"the API server would not take it: {error.message}")
    return None


async def _tried(wanted: Sequence[MustReach], prober: Prober | None) -> tuple[Proof, ...]:
    if prober is None:
        return ()
    tried = await asyncio.gather(*(prober(each) for each in wanted))
    return tuple(Proof(each, result) for each, result in zip(wanted, tried, strict=True))
