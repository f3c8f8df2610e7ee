import pytest

from wayhome.probe.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("10.8.0.5:80", Target("10.8.0.5", 80)),
        ("10.8.0.5", Target("10.8.0.5", None)),
        ("[fd00::1]:443", Target("fd00::1", 443)),
        ("[fd00::1]", Target("fd00::1", None)),
        ("fd00::1", Target("fd00::1", None)),
        ("db.site-b.example.:65535", Target("db.site-b.example.", 65535)),
        ("my_host:1", Target("my_host", 1)),
    ],
)
def test_targets(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no host"),
        (":80", "names no host"),
        ("host:", "'' is no port"),
        ("host:0", "'0' is no port"),
        ("host:65536", "is no port"),
        ("host:٨٠", "is no port"),
        ("host:80:90", "names no host"),
        ("[::1", "is no .ADDRESS.:PORT"),
        ("[::1]80", "is no .ADDRESS.:PORT"),
        ("fe80::1%eth0", "names no host"),
        ("-oProxyCommand=x:80", "names no host"),
        ("a b:80", "names no host"),
        ("http://host:80", "names no host"),
        ("a\r\nHost: b:80", "names no host"),
        ("x" * 254, "names no host"),
    ],
)
def test_what_is_none(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_target(text)
