"""Routes, arguments, scopes and headers, compared with what is known of the real service."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time

import pytest
import requests
from dropbox_audit.demo import ACCESS_TOKEN, ALL_SCOPES, APP_KEY, REFRESH_TOKEN, SimulatedDropbox, SimulatedLog, running
from dropbox_audit.demo.routes import ROUTES

GET = "team_log/get_events"


@pytest.fixture
def client(serve, make):
    return serve(SimulatedDropbox(SimulatedLog.of(map(make, range(3)))))


def test_every_answer_has_a_request_id_and_the_exact_content_type(client):
    answers = [client.call(GET, {}), client.go_on("x"), client.call("team/get_info")]
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    ids = {answer.headers["x-dropbox-request-id"] for answer in answers}
    assert len(ids) == 3


def test_the_number_of_dots_in_a_summary_varies(client):
    summaries = {client.go_on("x").json()["error_summary"] for _ in range(40)}
    assert summaries == {"bad_cursor/", "bad_cursor/.", "bad_cursor/..", "bad_cursor/..."}
    answer = client.go_on("x")
    assert answer.reason == answer.json()["error_summary"]


@pytest.mark.parametrize("path", ["2/team_log/no_such", "2/", "team_log/get_events", "1/team/get_info", ""])
def test_an_unknown_route_is_404(client, path):
    answer = requests.post(f"{client.url}/{path}", headers={"Authorization": f"Bearer {ACCESS_TOKEN}"}, timeout=30)
    assert answer.status_code == 404


def test_only_post_is_accepted(client):
    answer = requests.get(f"{client.url}/2/{GET}", headers={"Authorization": f"Bearer {ACCESS_TOKEN}"}, timeout=30)
    assert answer.status_code == 400
    assert 'This function only accepts the HTTP request method "POST"' in answer.text


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limt": 10}, "unknown field 'limt'"),
        ({"time": {"since": "2026-11-01T00:00:00Z"}}, "unknown field 'since'"),
        ({"time": {"start_time": "2026-11-01"}}, "time.start_time"),
        ({"time": {"start_time": "2026-11-01T00:00:00.000Z"}}, "does not match format"),
        ({"time": {"end_time": "2026-11-01T00:00:00+00:00"}}, "does not match format"),
        ({"time": {"end_time": "2026-02-30T00:00:00Z"}}, "does not match format"),
        ({"category": "no_such"}, "category"),
        ({"category": {"tag": "logins"}}, "category"),
        ({"event_type": {".tag": "no_such"}}, "event_type"),
        ({"account_id": "dbid:short"}, "account_id"),
        ([], "request body"),
    ],
)
def test_a_wrong_argument_is_400_in_words(client, argument, complaint):
    answer = client.call(GET, argument)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith(f'Error in call to API function "{GET}": request body: ')
    assert complaint in answer.text


@pytest.mark.parametrize(("route", "body"), [(GET, b"{"), (GET, b""), (GET, b"\xff"), ("team/get_info", b'{"a":1}')])
def test_a_body_that_is_not_the_argument_is_400(client, route, body):
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}", "Content-Type": "application/json"}
    assert requests.post(f"{client.url}/2/{route}", data=body, headers=headers, timeout=30).status_code == 400


def test_a_foreign_content_type_is_400(client):
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}", "Content-Type": "text/plain"}
    answer = requests.post(f"{client.url}/2/{GET}", data=b"{}", headers=headers, timeout=30)
    assert answer.status_code == 400
    assert 'Bad HTTP "Content-Type" header: "text/plain"' in answer.text


@pytest.mark.parametrize(
    ("argument", "tag"),
    [
        ({"category": "logins", "event_type": "login_fail"}, "invalid_filters"),
        ({"time": {"start_time": "2026-11-02T00:00:00Z", "end_time": "2026-11-01T00:00:00Z"}}, "invalid_time_range"),
        ({"account_id": f"dbid:{'x' * 35}"}, "account_id_not_found"),
    ],
)
def test_the_routes_own_errors_are_409(client, argument, tag):
    answer = client.call(GET, argument)
    assert answer.status_code == 409
    assert answer.json()["error"] == {".tag": tag}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 400),
        ("Bearer", 400),
        ("Basic abc", 400),
        ("Bearer a b", 400),
        ("Bearer ünknown", 400),
        ("Bearer nobody", 401),
    ],
)
def test_without_a_good_token_nothing_is_told(client, header, status):
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = requests.post(f"{client.url}/2/team/get_info", headers=headers, timeout=30)
    assert answer.status_code == status
    assert "Larkfield" not in answer.text
    if status == 401:
        assert answer.json()["error"] == {".tag": "invalid_access_token"}


@pytest.mark.parametrize("route", [name for name, route in ROUTES.items() if route.scope])
def test_each_route_needs_its_scope(serve, route):
    scope = ROUTES[route].scope
    token_lacks = serve(SimulatedDropbox(scopes=ALL_SCOPES - {scope})).call(route)
    assert token_lacks.status_code == 401
    assert token_lacks.json()["error"] == {".tag": "missing_scope", "required_scope": scope}
    app_lacks = serve(SimulatedDropbox(app_scopes=ALL_SCOPES - {scope})).call(route)
    assert app_lacks.status_code == 400
    assert f"does not have the required scope '{scope}'" in app_lacks.text


def test_a_user_route_needs_a_member(serve, small_team):
    client = serve(SimulatedDropbox(directory=small_team.directory))
    by_status = {person.status: person.member_id for person in small_team.people}

    def ask(**headers):
        return client.call("sharing/list_shared_links", {}, **headers)

    assert "is for an entire Dropbox Business team" in ask().text
    assert ask(Dropbox_API_Select_User=by_status["active"]).status_code == 200
    for status, tag in (("suspended", "user_suspended"), ("removed", "invalid_select_user")):
        answer = ask(Dropbox_API_Select_User=by_status[status])
        assert (answer.status_code, answer.json()["error"]) == (401, {".tag": tag})
    admin = small_team.people[0].member_id
    assert ask(Dropbox_API_Select_Admin=admin).status_code == 200
    assert ask(Dropbox_API_Select_Admin="dbmid:x").json()["error"] == {".tag": "invalid_select_admin"}
    assert client.call("check/user", {"query": "x"}, Dropbox_API_Select_User=admin).json() == {"result": "x"}


@pytest.mark.parametrize(
    ("route", "argument", "tag"),
    [
        ("team/members/list/continue_v2", {"cursor": "x"}, "invalid_cursor"),
        ("team/groups/list/continue", {"cursor": "é"}, "invalid_cursor"),
        ("team/groups/members/list/continue", {"cursor": "x"}, "invalid_cursor"),
        ("team/groups/members/list", {"group": {".tag": "group_id", "group_id": "g:x"}}, "group_not_found"),
        ("team/namespaces/list/continue", {"cursor": "x"}, "invalid_cursor"),
        ("team/team_folder/list/continue", {"cursor": "x"}, "invalid_cursor"),
        ("team/devices/list_members_devices", {"cursor": "x"}, "reset"),
        ("team/linked_apps/list_members_linked_apps", {"cursor": "x"}, "reset"),
        ("team/features/get_values", {"features": []}, "empty_features_list"),
        ("team/member_space_limits/get_custom_quota", {"users": [{}] * 1001}, "too_many_users"),
    ],
)
def test_the_directorys_errors_are_409(client, route, argument, tag):
    answer = client.call(route, argument)
    assert (answer.status_code, answer.json()["error"]) == (409, {".tag": tag})


def test_the_journal_tells_what_was_asked(client):
    client.call(GET, {"limit": 2})
    client.go_on("x")
    client.form(grant_type="refresh_token")
    requests.get(f"{client.url}/elsewhere", timeout=30)
    seen = [(request.route, request.ordinal, request.status) for request in client.server.requests]
    assert seen == [(GET, 1, 200), (f"{GET}/continue", 1, 409), ("oauth2/token", 1, 400), ("/elsewhere", 1, 404)]
    assert client.server.requests[0].argument == {"limit": 2}
    assert client.server.requests[2].form == {"grant_type": "refresh_token"}
    assert client.server.count(GET) == 1


def test_a_quota_answers_429_until_the_minute_is_over(serve, later):
    client = serve(SimulatedDropbox(clock=later, quota=3))
    answers = [client.call("team/get_info") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"] == "60"
    later.advance(60)
    assert client.call("team/get_info").status_code == 200


def test_latency_delays_each_answer_but_not_one_after_the_other(serve):
    client = serve(SimulatedDropbox(latency=0.5))
    threads = [threading.Thread(target=requests.post, args=(f"{client.url}/2/team/get_info",)) for _ in range(5)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.5 < time.monotonic() - began < 2.4


def test_servers_start_and_stop_many_times(make):
    for number in range(20):
        with running(SimulatedDropbox(SimulatedLog.of([make(number)]))) as url:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
            headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
            events = requests.post(f"{url}/2/{GET}", json={}, headers=headers, timeout=30).json()["events"]
            assert [event["n"] for event in events] == [number]
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{url}/2/{GET}", timeout=1)


def test_a_stopped_server_can_be_started_again_and_remembers(make):
    server = SimulatedDropbox(SimulatedLog.of(map(make, range(2))))
    with running(server) as url:
        form = {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN, "client_id": APP_KEY}
        token = requests.post(f"{url}/oauth2/token", data=form, timeout=30).json()["access_token"]
        port = int(url.rpartition(":")[2])
    with running(server, port=port) as url:
        answer = requests.post(f"{url}/2/team/get_info", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200
    assert len(server.requests) == 2


def test_a_taken_port_is_an_error(client):
    port = int(client.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), running(SimulatedDropbox(), port=port):
        pass


def test_the_product_does_not_import_the_simulator():
    code = "import sys, dropbox_audit; sys.exit(any(m in sys.modules for m in ('starlette', 'uvicorn')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
