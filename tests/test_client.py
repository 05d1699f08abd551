"""The Python client against a scripted server: what it sends, repeats, resumes and raises."""

from __future__ import annotations

import socket

import pytest

from arkwright.client import FINAL_STATES, Client, Refused, Unreachable
from arkwright.errors import InputError, ServerError
from arkwright.home import Paths, ServerRecord, set_current, write_server
from arkwright.jobs.lifecycle import FINAL
from cli.fake_api import Drop, FakeApi, Problem, Stream, fake_api, job, log, over


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now_s = 0.0

    def sleep(self, seconds):
        self.now_s += seconds

    def clock(self):
        return self.now_s


@pytest.fixture
def api():
    with fake_api() as fake:
        yield fake


@pytest.fixture
def passing():
    return FakeTime()


@pytest.fixture
def client(api: FakeApi, passing: FakeTime):
    with Client(api.url, "ark_x", sleep=passing.sleep, clock=passing.clock) as made:
        yield made


# --- asking ------------------------------------------------------------------------------------


def test_a_request_carries_the_token_and_one_connection_serves_many(api, client):
    api.say("GET", "/v1/jobs/train", job())
    for _ in range(5):
        client.job("train")
    assert api.connections == 1
    assert {asked.headers["authorization"] for asked in api.asked} == {"Bearer ark_x"}


def test_a_connection_the_server_closed_while_idle_is_opened_again(api, client):
    api.say("POST", "/v1/jobs/train/cancel", Drop(after=job()), over("cancelled"))
    client.cancel("train")
    # The server's end is closed once this returns; a cancel must not be sent twice to find out.
    wait_until_closed(client)
    assert client.cancel("train")["state"] == "cancelled"
    assert (api.connections, len(api.asked)) == (2, 2)


def test_reading_is_repeated_after_a_lost_connection(api, client):
    api.say("GET", "/v1/nodes", Drop(), Drop(), {"items": []})
    assert client.nodes() == {"items": []}
    assert len(api.asked) == 3


def test_a_submission_is_repeated_under_the_same_idempotency_key(api, client):
    api.say("POST", "/v1/jobs", Drop(), Drop(), job())
    assert client.submit({"name": "train", "command": ["true"]})["id"] == job()["id"]
    keys = {asked.headers["idempotency-key"] for asked in api.asked}
    assert (len(api.asked), len(keys)) == (3, 1)


def test_two_submissions_have_two_keys_unless_the_caller_gives_one(api, client):
    api.say("POST", "/v1/jobs", job())
    client.submit({"name": "a"})
    client.submit({"name": "a"})
    client.submit({"name": "a"}, idempotency_key="mine")
    keys = [asked.headers["idempotency-key"] for asked in api.asked]
    assert keys[0] != keys[1]
    assert keys[2] == "mine"


@pytest.mark.parametrize("verb", ["cancel", "hold", "release"])
def test_what_may_have_happened_already_is_not_done_twice(api, client, verb):
    api.say("POST", f"/v1/jobs/train/{verb}", Drop())
    with pytest.raises(Unreachable):
        getattr(client, verb)("train")
    assert len(api.asked) == 1


def test_a_server_that_is_not_there_is_reported_with_what_to_do(passing):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        client = Client(url, "t", sleep=passing.sleep)
        with pytest.raises(ServerError, match=r"connection refused.*arkwright up") as raised:
            client.cancel("train")
    assert raised.value.exit_code == 1
    # 0.05 + 0.1 + 0.2 s of pauses: what was never sent may be sent again.
    assert passing.now_s == pytest.approx(0.35)


def test_a_batch_is_one_request_and_gives_ids_in_order(api, client):
    api.say("POST", "/v1/jobs", {"items": [{"id": "1"}, {"id": "2"}]})
    assert client.submit_many([{"name": "a"}, {"name": "b"}]) == ["1", "2"]
    assert api.asked[0].body == {"items": [{"name": "a"}, {"name": "b"}]}


def test_pages_are_followed_to_the_end(api, client):
    pages = {None: ([1, 2], 2), "2": ([3, 4], 4), "4": ([5], None)}

    def page(asked):
        numbers, following = pages[asked.query.get("cursor")]
        return {"items": [{"id": n} for n in numbers], "next_cursor": following}

    api.say("GET", "/v1/jobs", page)
    found = list(client.jobs(is_all=True, states=("held", "queued")))
    assert [job["id"] for job in found] == [1, 2, 3, 4, 5]
    assert {(a.query["all"], a.query["state"]) for a in api.asked} == {("true", "held,queued")}


def test_a_name_is_one_part_of_the_path_and_a_node_keeps_its_slashes(api, client):
    api.say("GET", "/v1/jobs/a b?c#d/why", {"reason": {}})
    api.say("POST", "/v1/nodes/here/local/r01/n01/drain", {"state": "draining"})
    client.why("a b?c#d")
    assert client.drain("here/local/r01/n01", reason="fan") == {"state": "draining"}
    assert api.asked[-1].body == {"reason": "fan"}


def test_an_empty_name_is_refused_before_anything_is_asked(api, client):
    with pytest.raises(InputError, match="empty"):
        client.job(" ")
    assert api.asked == []


def test_a_command_beside_a_job_is_given_its_time(api, client):
    api.say("POST", "/v1/jobs/train/exec", {"exit_code": 3, "output": "x"})
    assert client.execute("train", ["ls", "-l"], timeout_s=5)["exit_code"] == 3
    assert api.asked[0].body == {"command": ["ls", "-l"], "timeout_s": 5}


def test_a_user_is_added_with_role_and_project(api, client):
    api.say("POST", "/v1/users", {"token": "ark_new"})
    assert client.add_user("ada", role="member", project="lab")["token"] == "ark_new"
    assert api.asked[0].body == {"name": "ada", "role": "member", "project": "lab"}


# --- what answers mean -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 413, 422])
def test_a_refusal_is_wrong_input_and_says_what_the_server_said(api, client, status):
    api.say("GET", "/v1/jobs/x", Problem(status, "because"))
    with pytest.raises(Refused, match=r"^because$") as raised:
        client.job("x")
    assert (raised.value.status, raised.value.exit_code) == (status, 2)
    assert len(api.asked) == 1


def test_a_refusal_carries_every_problem_and_the_schedulers_reason(api, client):
    problem = {"where": "job x", "key": "nodes", "found": "is 0", "right": "give one"}
    more = {"problems": [problem], "reason": {"code": "never-too-many-nodes"}}
    api.say("POST", "/v1/jobs", Problem(422, "no", more))
    with pytest.raises(Refused) as raised:
        client.submit({"name": "x"})
    assert [p._asdict() for p in raised.value.problems] == [problem]
    assert raised.value.reason == {"code": "never-too-many-nodes"}


def test_an_unknown_token_says_which_variables_to_set(api, client):
    api.say("GET", "/v1/factory", Problem(401, "no valid token"))
    with pytest.raises(Refused, match="ARKWRIGHT_TOKEN"):
        client.factory()


def test_a_server_in_trouble_is_not_the_users_fault(api, client):
    api.say("GET", "/v1/factory", Problem(507, "the disk is full"))
    with pytest.raises(ServerError, match="the disk is full") as raised:
        client.factory()
    assert raised.value.exit_code == 1


def test_a_server_that_cannot_write_names_its_fault(api, client):
    api.say("GET", "/healthz", Problem(503, "", {"detail": "", "fault": "disk full"}))
    with pytest.raises(ServerError, match="cannot write: disk full"):
        client.health()


def test_another_program_on_the_port_is_recognised(api, client):
    api.say("GET", "/v1/factory", b"<html>hello</html>")
    with pytest.raises(ServerError, match="another program"):
        client.factory()


@pytest.mark.parametrize("url", ["localhost:7460", "ftp://x", "http://", "http://x:99999"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(InputError, match="http"):
        Client(url, "t")


# --- events ------------------------------------------------------------------------------------


def event_text(*numbers):
    return "".join(f'id: {n}\nevent: x\ndata: {{"seq": {n}}}\n\n' for n in numbers)


def test_a_lost_stream_is_taken_up_after_the_last_event_seen(api, client):
    """Lost between events, and in the middle of one: none is missed, none comes twice."""
    cut = event_text(4)[:-6]
    streams = [": still here\n\n" + event_text(2, 3) + cut, event_text(4), event_text(5)]
    api.say("GET", "/v1/events", *map(Stream, streams), Problem(403, "enough"))
    seen = []
    with pytest.raises(Refused, match="enough"):
        seen += [seen.append(event["seq"]) for event in client.events(after=1, watch=True)]
    assert seen == [2, 3, 4, 5]
    assert [asked.headers["last-event-id"] for asked in api.asked] == ["1", "3", "4", "5"]


def test_a_stream_gives_up_when_the_server_stays_away(passing):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        client = Client(url, "t", sleep=passing.sleep, clock=passing.clock)
        with pytest.raises(Unreachable):
            next(client.events(watch=True))
    assert 60 <= passing.now_s < 62


def test_without_watching_the_log_is_read_page_by_page(api, client):
    pages = {"7": ([8, 9], 9), "9": ([10], None)}

    def page(asked):
        numbers, following = pages[asked.query["after"]]
        return {"items": [{"seq": n} for n in numbers], "next_cursor": following}

    api.say("GET", "/v1/events", page)
    assert [event["seq"] for event in client.events(job="train", after=7)] == [8, 9, 10]
    assert {asked.query["job"] for asked in api.asked} == {"train"}


# --- waiting and following ---------------------------------------------------------------------


def test_the_client_knows_the_states_that_nothing_leaves():
    assert {state.value for state in FINAL} == FINAL_STATES


def test_waiting_ends_when_the_job_is_over(api, client):
    api.say("GET", "/v1/jobs/train", job())
    api.say("GET", f"/v1/jobs/{job()['id']}", job(), job(state="stopping"), over("failed"))
    assert client.wait("train")["state"] == "failed"


def test_waiting_ends_at_its_timeout_with_the_job_as_it_is(api, client, passing):
    api.say("GET", "/v1/jobs/train", job())
    api.say("GET", f"/v1/jobs/{job()['id']}", job())
    assert client.wait("train", timeout_s=2.5)["state"] == "running"
    assert passing.now_s == pytest.approx(2.5)


def test_waiting_outlives_a_server_that_restarts(api, client, passing):
    api.say("GET", "/v1/jobs/train", job())
    # 4 tries of one question are lost, which is a server that is away; then it is back.
    api.say("GET", f"/v1/jobs/{job()['id']}", Drop(), Drop(), Drop(), Drop(), Drop(), over())
    assert client.wait("train")["state"] == "succeeded"


def test_following_goes_on_with_the_next_attempt_and_ends_with_the_job(api, client):
    path = f"/v1/jobs/{job()['id']}"
    logs = {
        ("1", "0"): log("one\n", is_end=False),
        ("1", "4"): log("", offset=4),
        ("2", "0"): log("two\n", attempt=2),
        ("2", "4"): log("", attempt=2, offset=4),
    }
    api.say("GET", "/v1/jobs/train", job())
    api.say("GET", path, job(state="queued"), job(attempt=2), over(attempt=2))
    api.say(
        "GET", f"{path}/logs", lambda asked: logs[asked.query["attempt"], asked.query["offset"]]
    )
    pieces = list(client.follow("train"))
    assert [(piece["attempt"], piece["text"]) for piece in pieces] == [(1, "one\n"), (2, "two\n")]


def test_following_waits_for_a_job_that_has_not_started(api, client):
    path = f"/v1/jobs/{job()['id']}"
    waiting = job(state="queued", attempt=0)
    api.say("GET", "/v1/jobs/train", waiting)
    api.say("GET", path, waiting, waiting, over())
    nothing = Problem(404, "no attempt 1 yet")
    api.say("GET", f"{path}/logs", nothing, log("x"), log("", offset=1))
    assert [piece["text"] for piece in client.follow("train")] == ["x"]


def test_following_every_rank_learns_how_many_there_are(api, client):
    path = f"/v1/jobs/{job()['id']}"

    def ranks(asked):
        rank, offset = int(asked.query["rank"]), int(asked.query["offset"])
        return log("" if offset else f"r{rank}", rank=rank, ranks=3, offset=offset)

    api.say("GET", "/v1/jobs/train", job())
    api.say("GET", path, over())
    api.say("GET", f"{path}/logs", ranks)
    assert sorted(piece["text"] for piece in client.follow("train", ranks=None)) == [
        "r0",
        "r1",
        "r2",
    ]


def test_following_a_rank_that_does_not_exist_is_refused(api, client):
    path = f"/v1/jobs/{job()['id']}"
    api.say("GET", "/v1/jobs/train", job())
    api.say("GET", path, job())
    api.say("GET", f"{path}/logs", Problem(404, "there is no rank 9"))
    with pytest.raises(Refused, match="no rank 9"):
        list(client.follow("train", ranks=(9,)))


# --- which server ------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    for number, name in enumerate(("alpha", "beta"), start=1):
        paths = Paths(tmp_path, name).make()
        write_server(paths, ServerRecord(1, f"http://127.0.0.1:{number}", name, 0))
        paths.owner_token.write_text(f"ark_{name}\n")
    set_current(tmp_path, "alpha")
    return tmp_path


def found(home, factory=None, **environ):
    client = Client.discover(home, factory, environ=environ)
    return client.url, client._token


def test_the_last_factory_started_is_asked_as_its_owner(home):
    assert found(home) == ("http://127.0.0.1:1", "ark_alpha")


def test_a_factory_that_is_named_comes_before_the_environment(home):
    beta = ("http://127.0.0.1:2", "ark_beta")
    assert found(home, ARKWRIGHT_FACTORY="beta") == beta
    assert found(home, "beta", ARKWRIGHT_URL="http://elsewhere:1", ARKWRIGHT_TOKEN="") == beta


def test_a_server_elsewhere_needs_a_token_of_ones_own(home, tmp_path):
    file = tmp_path / "token"
    file.write_text("ark_file\n")
    url = "http://elsewhere:1"
    assert found(home, ARKWRIGHT_URL=url, ARKWRIGHT_TOKEN="ark_x") == (url, "ark_x")
    assert found(home, ARKWRIGHT_URL=url, ARKWRIGHT_TOKEN_FILE=str(file)) == (url, "ark_file")
    with pytest.raises(InputError, match="ARKWRIGHT_TOKEN"):
        found(home, ARKWRIGHT_URL=url)


def test_a_member_uses_a_token_of_their_own_on_the_same_machine(home):
    assert found(home, ARKWRIGHT_TOKEN="ark_ada") == ("http://127.0.0.1:1", "ark_ada")


def test_without_a_server_it_is_said_how_to_start_one(home, tmp_path):
    with pytest.raises(ServerError, match=r"gamma.*arkwright up"):
        found(home, "gamma")
    with pytest.raises(ServerError, match=r"no factory was started.*arkwright up"):
        found(tmp_path / "nowhere")


def test_a_token_that_cannot_be_read_is_reported(home):
    Paths(home, "alpha").owner_token.unlink()
    with pytest.raises(InputError, match=r"reading the token.*owner\.token"):
        found(home)


def wait_until_closed(client):
    """Until the kernel has told this end that the other has closed."""
    sock = client._wire._connection.sock
    if sock is not None:
        sock.settimeout(5)
        assert sock.recv(1, socket.MSG_PEEK) == b""
