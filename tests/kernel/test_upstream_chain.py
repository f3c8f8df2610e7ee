"""The iptables back end's text, loaded, is what upstream's binary left in a kernel, rule for rule."""

import shlex
import subprocess
from pathlib import Path

import pytest
from tests.kernel.policies import make_policy

from wayhome.agent.arguments import Options, parse_arguments
from wayhome.kernel import Masquerade
from wayhome.kernel.iptables import InexpressibleError, render_chain
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.policy import Policy, parse
from wayhome.policy.configuration import defaults
from wayhome.prefixes import Family

CASES = Path(__file__).parents[2] / "../shared/data/rulesets/upstream-agent-2.12"
PROGRAMS = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}
CHAIN = "IP-MASQ-AGENT"


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


def restored(text: str, program: str) -> list[str]:
    """The nat table after the text was loaded, as iptables-save shows it."""
    subprocess.run(
        [f"{program}-restore", "--noflush"], input=text, text=True, check=True, timeout=30
    )
    saved = subprocess.run(
        [f"{program}-save", "-t", "nat"], capture_output=True, text=True, check=True, timeout=30
    )
    return rules(saved.stdout)


def rules(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith("-A")]


@pytest.fixture
def xtables_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user cannot open /run/xtables.lock, which iptables-legacy wants to hold."""
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path / "xtables.lock"))


@pytest.mark.kernel
@pytest.mark.usefixtures("xtables_lock")
@pytest.mark.parametrize("variant", ["nft", "legacy"])
@pytest.mark.parametrize(
    "case", sorted(CASES.iterdir()) if CASES.is_dir() else [], ids=lambda case: case.name
)
def test_the_chain_is_upstreams(netns: NetworkNamespace, case: Path, variant: str) -> None:
    policy, options = read_case(case)
    if (case / "error").exists():
        assert policy is None
        return
    assert policy is not None
    for family in policy.families:
        text = render_chain(policy, options.masquerade, family, options.masq_chain or CHAIN)
        expected = (case / f"{PROGRAMS[family]}-save.txt").read_text()
        assert restored(text, f"{PROGRAMS[family]}-{variant}") == rules(expected)


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


def test_what_upstreams_chain_cannot_express_is_refused() -> None:
    carved = make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])
    with pytest.raises(InexpressibleError, match=r"10\.2\.0\.0/16 \(line 2\)"):
        render_chain(carved, Masquerade(), Family.IPV4)
    with pytest.raises(InexpressibleError, match="Pods of this node"):
        render_chain(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]), Masquerade(), Family.IPV4)
