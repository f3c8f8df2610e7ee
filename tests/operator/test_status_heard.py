"""`wayhome cluster status`: what agents say of their nodes, when they said it, and what they warn of."""

from datetime import UTC, datetime, timedelta

from tests.operator.world import CONFIG, World


def test_a_pod_range_that_the_list_forgets_is_warned_of(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    for number in range(4):
        world.node(f"n{number}", podCIDRs=[f"172.16.{number}.0/24"])
        world.holds(f"n{number}", CONFIG, version)
    done = world.run("status")
    assert done.returncode == 0
    assert "no entry holds the Pod range 172.16.0.0/22" in done.stdout


def test_whose_clock_is_wrong_does_not_matter(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    now = datetime.now(UTC)
    for name, hours in (("slow", -2), ("right", 0), ("fast", 2)):
        world.node(name)
        world.holds(name, CONFIG, version, renewed_at=now + timedelta(hours=hours))
    assert set(world.conditions().values()) == {"current"}
    world.server.control("POST", "clock", ahead=3600)  # nobody has renewed anything for an hour
    assert set(world.conditions().values()) == {"stale"}
    assert "silent for 60 min" in world.run("status").stdout
    for name in ("slow", "right", "fast"):
        world.holds(name, CONFIG, version)
    assert set(world.conditions().values()) == {
        "current"
    }  # it is the operator's that is an hour behind


def test_what_agents_warn_of_is_said_once_and_not_what_was_seen_without_them(world: World) -> None:
    world.wayhome()
    text = CONFIG + "unknown: 1\n"
    version = world.put(text)
    bypassed = "packets of this node's Pods go past netfilter"
    for number in range(5):
        world.node(f"n{number}", podCIDRs=[f"172.16.{number}.0/24"])
        own = f"no entry holds the Pod range 172.16.{number}.0/24, so Pods there see a node"
        warning = own if number == 0 else f"{bypassed} (and 2 more)"
        world.holds(f"n{number}", text, version, warning=warning)
    done = world.run("status")
    assert f"warning: n1, n2, n3 and 1 more: {bypassed}\n" in done.stdout
    assert done.stdout.count("172.16.0.0/2") == done.stdout.count("Pod range 172.16.") == 2
    assert "5 of 5 nodes" in done.stdout


def test_an_agent_that_misses_a_pod_range_by_itself_is_heard(world: World) -> None:
    """By its own flags or version it reads the list otherwise than the command line does."""
    world.wayhome()
    version = world.put(CONFIG)
    world.node("a", podCIDRs=["10.4.0.0/24"])
    world.holds("a", CONFIG, version, warning="no entry holds the Pod range 10.4.0.0/24")
    assert "a: no entry holds the Pod range 10.4.0.0/24" in world.run("status").stdout
