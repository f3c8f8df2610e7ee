from pathlib import Path

import pytest

from wayhome.agent.arguments import Options, parse_arguments
from wayhome.agent.command_line import Dialect
from wayhome.agent.logs import Format
from wayhome.kernel.masquerade import Preserve


def upstream(*arguments: str) -> Options:
    return parse_arguments(list(arguments), native=False)


def test_without_arguments_it_is_upstreams_agent() -> None:
    options = upstream()
    assert options.config == Path("/etc/config/ip-masq-agent")
    assert options.settings.pod_cidrs is None
    assert not options.settings.ipv6
    assert not options.settings.all_reserved_ranges
    assert options.masquerade.random_fully
    assert options.masquerade.to_ports == ()


def test_gkes_managed_daemonset() -> None:
    options = upstream("--masq-chain=IP-MASQ", "--nomasq-all-reserved-ranges")
    assert (options.masq_chain, options.settings.all_reserved_ranges) == ("IP-MASQ", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--enable-ipv6"],
        ["-enable-ipv6"],
        ["--enable-ipv6=true"],
        ["-enable-ipv6=1"],
        ["--enable-ipv6=T"],
    ],
)
def test_switches_as_go_writes_them(arguments: list[str]) -> None:
    assert upstream(*arguments).settings.ipv6
    assert upstream("--v=2", *arguments, "--masq-chain", "X").masq_chain == "X"


@pytest.mark.parametrize("value", ["false", "0", "F"])
def test_random_fully_can_be_switched_off(value: str) -> None:
    assert not upstream(f"--random-fully={value}").masquerade.random_fully


def test_whether_random_fully_was_given_is_known() -> None:
    assert not upstream().random_fully_given
    for value in ("true", "false"):
        assert upstream(f"--random-fully={value}").random_fully_given
    azure = upstream("--dialect=azure")
    assert (azure.masquerade.random_fully, azure.random_fully_given) == (False, False)


def test_observing() -> None:
    assert not upstream().observe
    assert upstream("--observe").observe


def test_packets_are_counted_on_request() -> None:
    assert not upstream().masquerade.accounting
    for backend in ("auto", "nftables"):
        assert upstream("--accounting", f"--backend={backend}").masquerade.accounting
    assert not upstream("--accounting=false", "--observe").masquerade.accounting


@pytest.mark.parametrize(
    "text, seconds", [("10m", 600.0), ("1s", 1.0), ("0", None), ("0s", None), ("1h30m", 5400.0)]
)
def test_the_interval_of_looks(text: str, seconds: float | None) -> None:
    assert upstream().conflict_interval is None
    assert upstream(f"--conflict-interval={text}").conflict_interval == seconds


def test_port_ranges() -> None:
    assert upstream("--to-ports=1024-29999,32768-65535").masquerade.to_ports == (
        (1024, 29999),
        (32768, 65535),
    )
    assert upstream("--to-ports=").masquerade.to_ports == ()


def test_klogs_flags_are_accepted_and_named() -> None:
    assert upstream("-v=2", "--logtostderr", "--stderrthreshold=INFO", "--log_dir", "/x").ignored == (
        "log_dir", "logtostderr", "stderrthreshold", "v",
    )  # fmt: skip


def test_the_native_command_line_knows_pods() -> None:
    options = parse_arguments(
        ["--pod-cidrs=172.16.2.0/24, fd00::/64", "--log-format=json", "--state="], native=True
    )
    assert options.settings.pod_cidrs is not None
    assert [str(prefix) for prefix in options.settings.pod_cidrs] == ["172.16.2.0/24", "fd00::/64"]
    assert options.log_format is Format.JSON
    assert options.state is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--enable-ipv6=maybe"], "'maybe' is neither true nor false"),
        (["--to-ports=9-1"], "ports 9-1: write FIRST-LAST"),
        (["--to-ports=many"], "'many' is no port range"),
        (["--no-such-flag"], "unrecognized arguments: --no-such-flag"),
        (["--pod-cidrs=172.16.2.0/24"], "the native mode's: `wayhome agent`"),
        (["--v=2", "--resync-interval=60"], "give `wayhome-agent` --dialect=azure too"),
        (["--conflict-interval=5"], "'5' is not a duration; write 10m, or 0 for never"),
        (["--conflict-interval=100ms"], "too short for an interval; write 1s or more"),
        (["--conflict-interval=-10m"], "too short for an interval"),
        (["--observe", "--transition=expire-udp"], "--observe changes nothing on the node"),
        (["--accounting", "--observe"], "--observe writes none"),
        (["--accounting", "--backend=iptables"], "leave it or --backend=iptables out"),
        (["--accounting", "--backend=iptables-nft"], "counts packets with nftables only"),
        (["--observe", "--conflict-interval=10m"], "leave --conflict-interval out"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_says_so(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        upstream(*arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_wrong_pod_ranges_name_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--pod-cidrs=172.16.2.1/24"], native=True)
    assert "write 172.16.2.0/24" in capsys.readouterr().err


def native(*arguments: str) -> Options:
    return parse_arguments(list(arguments), native=True)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, is_native: bool = False) -> str:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(list(arguments), native=is_native)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_azures_command_line_is_read_where_its_dialect_is_asked_for() -> None:
    options = upstream("--dialect=azure", "--resync-interval=30", "--v=2")
    assert options.dialect is Dialect.AZURE
    assert options.config == Path("/etc/config")
    assert options.settings.resync_interval == 30
    assert not options.masquerade.random_fully  # Azure's agent has no such flag, and writes none
    assert upstream("-dialect", "azure").settings.resync_interval == 60


def test_a_dialect_is_never_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--resync-interval" in refused(capsys, "--resync-interval=30")
    assert upstream().dialect is Dialect.UPSTREAM
    assert upstream().settings.resync_interval is None
    assert "--dialect" in refused(capsys, "--dialect=azure", is_native=True)


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "60s", ""])
def test_azures_interval_is_a_number_of_seconds(
    capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    assert "no number of seconds" in refused(
        capsys, "--dialect=azure", f"--resync-interval={seconds}"
    )


def test_the_scope_follows_from_the_pod_ranges_unless_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert native("--pod-cidrs=10.4.0.0/24").settings.pod_cidrs is not None
    assert native("--scope=pods", "--pod-cidrs=10.4.0.0/24").settings.pod_cidrs is not None
    assert native("--scope=node").settings.pod_cidrs is None
    assert "write --pod-cidrs" in refused(capsys, "--scope=pods", is_native=True)
    chain = ("--backend=iptables-nft", "--pod-cidrs=10.4.0.0/24")
    assert "cannot tell Pods from others" in refused(capsys, *chain, is_native=True)
    both = ("--scope=node", "--pod-cidrs=10.4.0.0/24")
    assert "leave one of them out" in refused(capsys, *both, is_native=True)


@pytest.mark.parametrize(
    "text, address",
    [
        ("127.0.0.1:9696", ("127.0.0.1", 9696)),
        ("[::1]:9696", ("::1", 9696)),
        (":9696", ("", 9696)),
    ],
)
def test_an_address_for_metrics(text: str, address: tuple[str, int]) -> None:
    assert upstream(f"--metrics-bind-address={text}").metrics_bind_address == address


@pytest.mark.parametrize("text", ["9696", "127.0.0.1", "::1:9696", "host:http", "host:65536"])
def test_what_is_no_address_for_metrics(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert "write HOST:PORT" in refused(capsys, f"--metrics-bind-address={text}")


def test_the_mark_of_kube_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    assert upstream().masquerade.kube_proxy_mark_bit == 14
    assert upstream("--kube-proxy-mark-bit=20").masquerade.kube_proxy_mark_bit == 20
    assert upstream("--kube-proxy-mark-bit=none").masquerade.kube_proxy_mark_bit is None
    assert "write 0 to 31" in refused(capsys, "--kube-proxy-mark-bit=32")


def test_a_chain_of_iptables_own_is_no_name_for_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert "choose another name" in refused(capsys, "--masq-chain=POSTROUTING")
    assert "--masq-chain" in refused(capsys, "--masq-chain=a b")


def test_in_the_scope_of_pods_ipv6_follows_from_the_list_unless_the_flag_says_it() -> None:
    pods = "--pod-cidrs=10.4.0.0/24"
    assert native(pods).settings.ipv6 is None
    assert native(pods, "--enable-ipv6").settings.ipv6 is True
    assert native(pods, "--enable-ipv6=false").settings.ipv6 is False
    assert native().settings.ipv6 is False
    assert upstream().settings.ipv6 is False


def test_preserve() -> None:
    assert upstream().masquerade.preserve is Preserve.REPORT
    assert upstream("--preserve=assert").masquerade.preserve is Preserve.ASSERT
