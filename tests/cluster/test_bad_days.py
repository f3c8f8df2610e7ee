"""The way to the API server breaks, the token ends, the right is taken away: what is held stays, and it goes on."""

import pytest
from tests.agent.agent_process import CASE, CASE_RANGES, wait_until
from tests.cluster.admin import Refused
from tests.cluster.agent import ClusterAgent, agents
from tests.cluster.place import Place

from wayhome.kube.status_lease import State

pytestmark = pytest.mark.kernel

OTHER = "nonMasqueradeCIDRs: [192.168.7.0/24]\n"
OTHER_RANGE = "192.168.7.0/24"
BINDING = "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/rolebindings/{0}"
TOKEN_IS_REMEMBERED = 30.0
"""Seconds; an API server that has found a token good asks again after 10."""


def holding_the_case(place: Place, agent: ClusterAgent) -> None:
    place.write({"config": CASE})
    agent.holds(*CASE_RANGES)
    agent.says(State.APPLIED)


def warnings(agent: ClusterAgent) -> list[str]:
    return [line["event"] for line in agent.lines() if line["level"] != "info"]


def test_connections_that_are_cut_and_an_api_server_that_is_away(
    place: Place, agent: ClusterAgent
) -> None:
    holding_the_case(place, agent)
    said = warnings(agent)
    agent.relay.cut()
    place.write({"config": OTHER})
    agent.holds(OTHER_RANGE)
    assert warnings(agent) == said

    agent.relay.down()
    agent.wait_for("unreadable")
    place.write({"config": CASE})
    assert agent.kept() == {OTHER_RANGE}
    agent.relay.up()
    agent.look()
    agent.holds(*CASE_RANGES)


def test_a_connection_that_is_half_open_is_given_up_when_the_agent_is_told_to_look(
    place: Place, agent: ClusterAgent
) -> None:
    holding_the_case(place, agent)
    agent.relay.silence()
    place.write({"config": OTHER})
    agent.look()
    # A report that was under way is given up after 30 s; the kernel does not wait for it.
    agent.holds(OTHER_RANGE, timeout=20.0)


def test_a_token_that_ends_is_said_and_the_renewed_one_is_taken(place: Place) -> None:
    """One that is bound to a Secret ends with it, which no test has to wait ten minutes for."""
    place.install()
    secrets = f"/api/v1/namespaces/{place.agents}/secrets"
    place.admin.ask("POST", secrets, {"metadata": {"name": "holds-the-token"}})
    with agents(place) as (agent,):
        holding_the_case(place, agent)
        token = place.token(bound_to=("Secret", "holds-the-token"))
        agent.token.write_text(token)
        holder = place.as_holder_of(token)
        path = f"/apis/coordination.k8s.io/v1/namespaces/{place.status}/leases/x"

        def code() -> int:
            try:
                holder.ask("GET", path)
            except Refused as refused:
                return refused.code
            return 200

        assert code() == 403  # it is known, and may not read Leases
        place.admin.ask("DELETE", f"{secrets}/holds-the-token")
        wait_until(lambda: code() == 401, lambda: f"401, it is {code()}", TOKEN_IS_REMEMBERED)
        holder.close()
        agent.relay.cut()
        assert "does not accept this agent's token" in agent.wait_for("unreadable")["message"]
        place.write({"config": OTHER})
        assert agent.kept() == set(CASE_RANGES)
        agent.token.write_text(place.token())
        agent.look()
        agent.holds(OTHER_RANGE)
        agent.says(State.APPLIED, error="")


def test_a_right_that_is_taken_away_is_named(place: Place, agent: ClusterAgent) -> None:
    holding_the_case(place, agent)
    place.admin.ask("DELETE", BINDING.format(place.name))
    agent.relay.cut()
    said = agent.wait_for("unreadable")["message"]
    assert f"A Role in {place.name} has to grant get, list and watch of configmaps" in said
    status = agent.says(State.UNREADABLE)
    assert place.account in status.error
    assert agent.kept() == set(CASE_RANGES)
    place.write({"config": OTHER})
    place.install("RoleBinding")
    agent.look()
    agent.holds(OTHER_RANGE)
    agent.says(State.APPLIED, error="")
