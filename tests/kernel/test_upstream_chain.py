"""What the iptables back end leaves in a kernel is what upstream's binary left there, rule for rule."""

import shlex
from contextlib import closing
from pathlib import Path

import pytest
from tests.kernel.iptables_nodes import VARIANTS, program, restore, rules, saved
from tests.kernel.policies import make_policy

from wayhome.agent.arguments import Options, parse_arguments
from wayhome.kernel import ChangeKind, InexpressibleError, Masquerade, xtables
from wayhome.kernel.iptables import CHAIN, render_chain
from wayhome.kernel.iptables_backend import IptablesBackend
from wayhome.policy import Policy, parse
from wayhome.policy.configuration import defaults
from wayhome.prefixes import Family

CASES = Path(__file__).parents[2] / "../shared/data/rulesets/upstream-agent-2.12"


def test_the_cases_of_upstreams_binary_are_there() -> None:
    if not CASES.is_dir():
        pytest.skip(f"{CASES} is not there: upstream's measured cases are not part of the project")


def read_case(case: Path) -> tuple[Policy | None, Options]:
    options = parse_arguments(shlex.split((case / "args").read_text()), native=False)
    config = case / "config"
    if not config.exists() or not config.read_bytes().strip():
        return defaults(options.settings).policy, options
    parsed = parse(config.read_bytes(), options.settings)
    return parsed.configuration.policy if parsed.configuration else None, options


@pytest.mark.kernel
@pytest.mark.usefixtures("netns", "xtables_lock")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "case", sorted(CASES.iterdir()) if CASES.is_dir() else [], ids=lambda case: case.name
)
def test_the_chain_is_upstreams(case: Path, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, options = read_case(case)
    if (case / "error").exists():
        assert policy is None
        return
    assert policy is not None
    backend = IptablesBackend(variant, options.masquerade, options.masq_chain or CHAIN)
    assert backend.apply(policy).kind is ChangeKind.REWRITTEN
    for family in policy.families:
        expected = (case / f"{program('iptables', family)}-save.txt").read_text()
        assert rules(saved(variant, family)) == rules(expected)

    # What upstream's binary writes is what is wanted: it is adopted, and nothing is restored.
    monkeypatch.setattr(xtables, "restore", lambda *_: pytest.fail("a restore"))
    for later in (
        backend,
        IptablesBackend(variant, options.masquerade, options.masq_chain or CHAIN),
    ):
        assert later.apply(policy).kind is ChangeKind.NOTHING
        later.close()


@pytest.mark.kernel
@pytest.mark.usefixtures("netns", "xtables_lock")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rendered_text_loads_as_what_the_back_end_writes(variant: str) -> None:
    policy = make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])
    with closing(IptablesBackend(variant, Masquerade())) as backend:
        backend.apply(policy)
        written = rules(saved(variant))
        backend.remove()
    restore(
        variant,
        render_chain(policy, Masquerade(), Family.IPV4)
        .removeprefix("*nat\n")
        .removesuffix("COMMIT\n"),
    )
    assert rules(saved(variant)) == written
    assert len(written) == 10


def test_the_text_is_upstreams_to_the_letter() -> None:
    text = render_chain(make_policy("10.0.0.0/8"), Masquerade(), Family.IPV4)
    assert text == (
        "*nat\n"
        ":IP-MASQ-AGENT - [0:0]\n"
        '-A POSTROUTING -m comment --comment "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL '
        'destination traffic to our custom IP-MASQ-AGENT chain" -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT\n'
        '-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" '
        "-d 10.0.0.0/8 -j RETURN\n"
        '-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE '
        '(must be last in chain)" -j MASQUERADE --random-fully\n'
        "COMMIT\n"
    )


def test_the_scope_of_pods_is_refused() -> None:
    with pytest.raises(InexpressibleError, match=r"Pods of this node .* use the nftables back end"):
        render_chain(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]), Masquerade(), Family.IPV4)
