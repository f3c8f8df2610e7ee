"""What an apply would do, and whether it may: everything that is found out before the first write.

The API server is asked too, by a dry run, so that a right that is missing or a policy of admission is told before a
node has changed. What must be reached is tried: what fails already is no fault of the change.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wayhome.cluster.before import Before, before_of, everywhere, in_place_of
from wayhome.cluster.look import Facts, Unseen
from wayhome.cluster.must_reach import MustReach, Prober, Proof
from wayhome.cluster.node_plans import NodePlans, names, node_plans
from wayhome.cluster.notes import is_azures
from wayhome.cluster.ownership import MANAGER, Hand, Owner, owners
from wayhome.cluster.readings import Reading, agreed, forgotten, readings
from wayhome.cluster.report import Condition, Report
from wayhome.cluster.wanted import DATA_KEY
from wayhome.kube.client import Client
from wayhome.kube.configmap import Absent, Text, Unknown
from wayhome.kube.errors import RefusedError
from wayhome.kube.objects import Object, key_of
from wayhome.kube.resources import CONFIG_MAPS
from wayhome.policy import Configuration, Finding
from wayhome.policy.changes import Change, changes

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
    readings: tuple[Reading, ...]
    """The new text, as each kind of agent reads it."""
    changes: tuple[tuple[Change, ...] | None, ...]
    """For each reading; None: what is there now cannot be read, so nothing can be compared with it."""
    owners: tuple[Owner, ...] = ()
    plans: NodePlans | None = None
    proofs: tuple[Proof, ...] = ()
    refusal: Refusal | None = None

    @property
    def configuration(self) -> Configuration | None:
        """As the first reads it; None where anybody would reject it, or it is not known whether he would."""
        every = [reading.configuration for reading in self.readings]
        return every[0] if all(every) else None

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
    new = readings(facts, Text(order.text, facts.data_key, ()))
    item = None if isinstance(facts.item, Unseen) else facts.item
    before = before_of(facts.configmap, facts.data_key, item)
    found = Proposal(
        order=order,
        text=_text(order.text),
        facts=facts,
        report=report,
        before=before,
        findings=_findings(new, facts),
        readings=new,
        changes=_changes(facts, before.now, new),
        owners=_owners(facts, item),
    )
    refusal = _refusal(found) or await _dry_run(client, found)
    if refusal:
        return replace(found, refusal=refusal)
    plans = await _plans(client, found) if found.is_change else None
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


def _findings(new: Sequence[Reading], facts: Facts) -> tuple[Finding, ...]:
    """Those of the file without a name, as if there were no other."""
    own = "/".join(facts.configmap)
    found = agreed(new, lambda reading: reading.findings)
    found += agreed(new, lambda reading: forgotten(facts, reading))
    return tuple(replace(f, file="") if f.file == own else f for f in found)


def _changes(
    facts: Facts, now: str | None, new: Sequence[Reading]
) -> tuple[tuple[Change, ...] | None, ...]:
    """Against what stands there now; where nothing does, against what agents hold without it."""
    said = Absent("") if now is None else Text(now.encode(), facts.data_key, ())
    return tuple(
        changes(before.configuration.policy, after.configuration.policy)
        if before.configuration and after.configuration
        else None
        for before, after in zip(readings(facts, said), new, strict=True)
    )


async def _plans(client: Client, found: Proposal) -> NodePlans:
    """The agents judge what they would hold: where they unite several ConfigMaps, all of them."""
    text, is_united = found.order.text, False
    asked = next((reading for reading in found.readings if reading.tells), None)
    if asked and asked.is_united and isinstance(asked.said, Text):
        text, is_united = asked.said.data, True
    return await node_plans(client, found.report, text, found.order.ask_nodes, united=is_united)


def _owners(facts: Facts, item: Object | None) -> tuple[Owner, ...]:
    found = owners(item, facts.data_key) if item else ()
    if facts.egress_policies and not isinstance(facts.egress_policies, Unseen):
        names = ", ".join(key_of(policy)[1] for policy in facts.egress_policies[:3])
        return (Owner(Hand.CONTROLLER, "GKE", f"from its EgressNATPolicy objects: {names}"), *found)
    return found


def _refusal(found: Proposal) -> Refusal | None:
    facts = found.facts
    name = "/".join(facts.configmap)
    for reading in found.readings:
        if isinstance(reading.said, Unknown):
            return Refusal(3, f"what agents unite with it is not known: {reading.said.reason}")
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
