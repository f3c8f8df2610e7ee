"""Where the API is and who asks: a Pod's environment, kubeconfigs, plugins."""

import asyncio
import base64
import json
import stat
import sys
import time
from pathlib import Path

import pytest

from wayhome.kube.access import Pem
from wayhome.kube.credentials import ClientCertificate
from wayhome.kube.errors import CredentialsError
from wayhome.kube.exec_plugin import VERSIONS
from wayhome.kube.in_cluster import in_cluster
from wayhome.kube.kubeconfig import default_files, from_kubeconfig


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("t0ken")
    (tmp_path / "ca.crt").write_text("")
    (tmp_path / "namespace").write_text("wayhome")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.96.0.1", "443", "https://10.96.0.1:443"),
        ("fd00::1", "6443", "https://[fd00::1]:6443"),
        ("[fd00::1]", "", "https://[fd00::1]:443"),
        ("api.internal", "443", "https://api.internal:443"),
    ],
)
def test_a_pod(account: Path, host: str, port: str, url: str) -> None:
    found = in_cluster({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, account)
    assert found.url == url
    assert found.namespace == "wayhome"
    assert found.authority == Pem(account / "ca.crt")
    assert asyncio.run(found.credentials.authorization()) == "Bearer t0ken"


def test_what_a_pod_lacks_is_named(account: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "::1"}
    with pytest.raises(CredentialsError, match="this is no Pod"):
        in_cluster({}, account)
    with pytest.raises(CredentialsError, match="KUBERNETES_SERVICE_PORT is 'x' and no port"):
        in_cluster(environment | {"KUBERNETES_SERVICE_PORT": "x"}, account)
    (account / "namespace").unlink()
    assert in_cluster(environment, account).namespace == "default"


def test_a_token_that_is_not_there_is_named_when_it_is_needed_and_found_when_it_comes(
    account: Path,
) -> None:
    (account / "token").unlink()
    access = in_cluster({"KUBERNETES_SERVICE_HOST": "::1"}, account)
    with pytest.raises(CredentialsError, match="automountServiceAccountToken must not be false"):
        asyncio.run(access.credentials.authorization())
    (account / "token").write_text("late")
    assert asyncio.run(access.credentials.authorization()) == "Bearer late"


def kubeconfig(
    folder: Path,
    user: object = None,
    cluster: object = None,
    name: str = "config",
    context: object = None,
) -> Path:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": context or {"cluster": "k", "user": "u"}}],
        "clusters": [
            {"name": "k", "cluster": cluster or {"server": "https://api.test:6443/prefix/"}}
        ],
        "users": [{"name": "u", "user": user}],
    }
    file.write_text(json.dumps(content))
    return file


def test_a_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("from a file")
    cluster = {
        "server": "https://[fd00::1]",
        "certificate-authority": "pki/ca.crt",
        "tls-server-name": "api",
    }
    file = kubeconfig(
        tmp_path,
        {"token": "abc"},
        cluster,
        context={"cluster": "k", "user": "u", "namespace": "ns"},
    )
    found = from_kubeconfig([file])
    assert found.url == "https://[fd00::1]:443"
    assert found.authority == Pem(tmp_path / "pki/ca.crt"), "relative to its file"
    assert (found.server_name, found.namespace) == ("api", "ns")
    assert asyncio.run(found.credentials.authorization()) == "Bearer abc"


def test_a_prefix_data_and_plain_http(tmp_path: Path) -> None:
    found = from_kubeconfig([kubeconfig(tmp_path)])
    assert (found.url, found.path) == ("https://api.test:6443/prefix", "/prefix")
    data = base64.b64encode(b"PEM").decode()
    file = kubeconfig(
        tmp_path,
        {"client-certificate-data": data, "client-key": "/etc/key"},
        {"server": "http://127.0.0.1:8080", "certificate-authority-data": data},
    )
    found = from_kubeconfig([file])
    assert not found.tls
    assert found.authority == Pem(text="PEM")
    assert isinstance(found.credentials, ClientCertificate)
    assert found.credentials.certificate == (Pem(text="PEM"), Pem(Path("/etc/key")))


def test_urls_that_could_not_stand_in_a_request(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, None, {"server": "https://api.test/a b\u00fc%20c"})
    assert from_kubeconfig([file]).path == "/a%20b%C3%BC%20c"
    for host in ("b\u00fccher.test", "a b", "a\u0000b"):
        with pytest.raises(CredentialsError, match="write https://HOST:PORT"):
            from_kubeconfig([kubeconfig(tmp_path, None, {"server": f"https://{host}"})])


def test_several_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path, {"token": "first"}, name="a/config")
    second = kubeconfig(tmp_path, {"token": "second"}, {"server": "https://other"}, name="b/config")
    found = from_kubeconfig([tmp_path / "missing", first, second])
    assert found.host == "api.test"
    assert asyncio.run(found.credentials.authorization()) == "Bearer first"
    assert default_files({"KUBECONFIG": f"{first}::{second}"}) == [first, second]
    assert default_files({}) == [Path.home() / ".kube/config"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no current-context"),
        ("- a", "not a mapping"),
        ("a: [", "not YAML"),
        ("[" * 5000, "not YAML"),
        ("current-context: x", "has no context 'x'; it has none"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]", "no cluster 'y'"),
        (
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\n"
                "clusters: [{name: y, cluster: {server: 'ftp://a'}}]"
            ),
            "write https://HOST:PORT",
        ),
        (
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\n"
                "clusters: [{name: y, cluster: {server: 'https://a:port'}}]"
            ),
            "cluster 'y'",
        ),
        (
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: y, user: z}}]\n"
                "clusters: [{name: y, cluster: {server: 'https://a'}}]"
            ),
            "has no user 'z'",
        ),
    ],
)
def test_a_kubeconfig_that_is_wrong_says_what(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(CredentialsError, match=problem.replace("'", ".")):
        from_kubeconfig([file])


def test_no_kubeconfig_at_all(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="there is no kubeconfig"):
        from_kubeconfig([tmp_path / "missing"])


def test_a_context_without_a_user_asks_as_nobody(tmp_path: Path) -> None:
    found = from_kubeconfig([kubeconfig(tmp_path, context={"cluster": "k"})])
    assert asyncio.run(found.credentials.authorization()) == ""


PLUGIN = """#!{python}
import json, os, pathlib, sys, time
count = pathlib.Path(sys.argv[0]).with_name("count")
number = len(count.read_text()) + 1 if count.exists() else 1
count.write_text("x" * number)
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert info["kind"] == "ExecCredential", info
status = {{"token": os.environ["PREFIX"] + str(number)}}
seconds = {seconds}
if seconds is not None:
    status["expirationTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
print(json.dumps({{"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}}))
"""


def plugin(folder: Path, text: str, version: str = VERSIONS[0]) -> Path:
    program = folder / "plugin"
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    env = [{"name": "PREFIX", "value": "token-"}]
    return kubeconfig(
        folder,
        {
            "exec": {
                "apiVersion": version,
                "command": "./plugin",
                "env": env,
                "installHint": "get it",
            }
        },
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("seconds", "second"), [(None, 1), (3600, 1), (30, 2)])
def test_a_plugin_is_asked_again_when_its_token_ends_or_is_refused(
    tmp_path: Path, version: str, seconds: int | None, second: int
) -> None:
    text = PLUGIN.format(python=sys.executable, seconds=seconds)
    found = from_kubeconfig([plugin(tmp_path, text, version)])

    async def scenario() -> None:
        who = found.credentials
        assert await who.authorization() == "Bearer token-1"
        assert await who.authorization() == f"Bearer token-{second}"
        assert await who.renewed(f"Bearer token-{second}")
        assert await who.authorization() != f"Bearer token-{second}"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#!/bin/sh\nexit 3\n", "has failed with exit code 3"),
        ("#!/bin/sh\necho nonsense\n", "has printed no ExecCredential"),
        ('#!/bin/sh\necho \'{"apiVersion": "v0", "status": {}}\'\n', "ExecCredential of v0"),
        ("#!/not/there\n", "cannot be started: No such file or directory. get it"),
    ],
)
def test_a_plugin_that_fails_says_how(tmp_path: Path, text: str, problem: str) -> None:
    found = from_kubeconfig([plugin(tmp_path, text)])
    with pytest.raises(CredentialsError) as raised:
        asyncio.run(found.credentials.authorization())
    assert problem in str(raised.value)


def test_a_plugin_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wayhome.kube.exec_plugin.RUN_SECONDS", 0.2)
    found = from_kubeconfig([plugin(tmp_path, "#!/bin/sh\nexec sleep 60\n")])
    began = time.monotonic()
    with pytest.raises(CredentialsError, match="has not ended within"):
        asyncio.run(found.credentials.authorization())
    assert time.monotonic() - began < 30, "it was killed and not waited for"


def test_what_is_not_understood_is_named(tmp_path: Path) -> None:
    for user, problem in (
        ({"exec": {"apiVersion": "v1alpha1", "command": "x"}}, "exec plugin speaks 'v1alpha1'"),
        (
            {"exec": {"apiVersion": VERSIONS[0], "command": "x", "env": [{"name": "A"}]}},
            "args or the env of the kubeconfig's plugin x",
        ),
        ({"auth-provider": {"name": "gcp"}}, "removed from Kubernetes 1.26"),
        ({"client-certificate-data": "%", "client-key-data": "%"}, "is no base64"),
    ):
        with pytest.raises(CredentialsError, match=problem):
            from_kubeconfig([kubeconfig(tmp_path, user)])
    proxied = {"server": "https://a", "proxy-url": "socks5://b"}
    with pytest.raises(CredentialsError, match="spoken to in socks5, which is not supported"):
        from_kubeconfig([kubeconfig(tmp_path, None, proxied)])
