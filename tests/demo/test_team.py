"""The simulated team: decided by its seed, plausible, and full of what an admin looks for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import orjson
import pytest
from dropbox_audit.demo import simulate_team
from dropbox_audit.demo.catalogue import catalogue
from dropbox_audit.demo.jsontext import dumps
from dropbox_audit.demo.people import ABROAD, DOMAINS

from .support import UNTIL


def kind(event):
    return event["event_type"][".tag"]


def actor(event):
    who = event.get("actor", {})
    return who.get(who.get(".tag"), {}) if isinstance(who.get(who.get(".tag")), dict) else {}


def text(team):
    return [(logged.arrived_at, dumps(logged.event)) for logged in team.events]


def test_the_same_seed_gives_the_same_team(small_team):
    again = simulate_team(seed=3, people=40, days=30, until=UNTIL, every_type=True)
    assert text(again) == text(small_team)
    assert again.directory == small_team.directory
    assert text(simulate_team(seed=4, people=40, days=30, until=UNTIL, every_type=True)) != text(small_team)


def test_the_team_does_not_depend_on_the_hash_seed():
    code = (
        "import hashlib; from datetime import datetime, UTC; from dropbox_audit.demo import simulate_team\n"
        "team = simulate_team(people=40, days=30, until=datetime(2026, 11, 1, tzinfo=UTC))\n"
        "print(hashlib.sha256(b''.join(team.log()._raw)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_size_is_that_of_a_real_small_team(full_team):
    assert 15_000 < len(full_team.events) < 25_000
    assert full_team.directory.info["num_licensed_users"] == 150
    assert full_team.directory.info["num_used_licenses"] == 120


def test_everything_happens_within_the_time_and_arrives_within_a_day(full_team):
    lags = []
    for logged in full_team.events:
        happened = datetime.fromisoformat(logged.event["timestamp"])
        assert UNTIL - timedelta(days=60) <= happened < UNTIL
        lags.append((logged.arrived_at - happened).total_seconds())
    assert min(lags) > 0
    assert max(lags) < 86_400
    assert sorted(lags)[len(lags) // 2] < 1200
    assert sum(lag > 4 * 3600 for lag in lags) > 100


def test_the_log_is_in_order_of_arrival_and_not_of_time(full_team):
    arrivals = [logged.arrived_at for logged in full_team.events]
    times = [logged.event["timestamp"] for logged in full_team.events]
    assert arrivals == sorted(arrivals)
    assert sum(later < earlier for earlier, later in pairwise(times)) > 1000


def test_ids_have_the_lengths_of_real_ones(full_team):
    accounts = {person.account_id for person in full_team.people}
    assert len(accounts) == 121
    assert {len(account) for account in accounts} == {40}
    assert {person.email.rpartition("@")[2] for person in full_team.people} <= set(DOMAINS)


def test_people_work_by_day_and_rest_at_weekends(full_team):
    days = Counter()
    for logged in full_team.events:
        days[datetime.fromisoformat(logged.event["timestamp"]).weekday()] += 1
    assert max(days[5], days[6]) * 4 < min(days[day] for day in range(5))


def test_twins_are_byte_identical(full_team):
    counts = Counter(orjson.dumps(logged.event) for logged in full_team.events)
    twins = Counter(kind(orjson.loads(raw)) for raw, count in counts.items() if count > 1)
    assert twins["login_fail"] >= 2
    assert twins["file_edit"] >= 10


def test_names_are_as_strange_as_in_reality(full_team):
    names = {asset.get("display_name", "") for e in full_team.events for asset in e.event.get("assets", ())}
    for part in ("<img src=x onerror", "=HYPERLINK(", "\n", "🏖️", "予算", "drop table"):
        assert any(part in name for name in names), part
    assert any(actor(e.event).get("display_name") == "" for e in full_team.events)
    addresses = {e.event.get("origin", {}).get("geo_location", {}).get("ip_address", "") for e in full_team.events}
    assert any(":" in address for address in addresses)


def test_optional_keys_are_absent_here_and_empty_there(full_team):
    events = [logged.event for logged in full_team.events]
    for key in ("actor", "origin", "context", "participants", "assets", "involve_non_team_member"):
        assert any(key not in event for event in events), key
    assert any(event.get("participants") == [] for event in events)
    assert any(event.get("assets") == [] for event in events)
    assert any(event["details"] == {".tag": "missing_details"} for event in events)
    assert len({kind(event) for event in events} - set(catalogue())) == 2
    assert list(events[0]) == [key for key in ORDER if key in events[0]]


ORDER = (
    "timestamp",
    "event_category",
    "actor",
    "origin",
    "involve_non_team_member",
    "context",
    "participants",
    "assets",
    "event_type",
    "details",
)


def test_every_type_is_there_on_request(small_team):
    assert {kind(logged.event) for logged in small_team.events} >= set(catalogue())
    assert len(catalogue()) == 643


def test_oddities_are_there_on_request_only(small_team):
    odd = simulate_team(seed=3, people=40, days=30, until=UNTIL, every_type=True, oddities=True)
    events = [logged.event for logged in odd.events]
    assert len(events) == len(small_team.events) + 22
    assert sum(not isinstance(event, dict) for event in events) == 3
    assert sum(isinstance(event, dict) and "timestamp" not in event for event in events) == 2
    assert "2026-02-30T00:00:00Z" in [event.get("timestamp") for event in events if isinstance(event, dict)]
    assert len(odd.log().events()) == len(events)


def test_a_leaver_downloads_a_departments_folder(full_team):
    story = full_team.stories["leaver_downloads_a_departments_folder"]
    leaver = next(person for person in full_team.people if person.status == "removed")
    downloads = [event for event in story.events if kind(event) == "file_download"]
    assert story.actor == leaver.email
    assert len({event["assets"][0]["file_id"] for event in downloads}) == len(downloads) > 100
    assert {event["assets"][0]["path"]["contextual"].split("/")[1] for event in downloads} == {"Sales"}
    removal = story.events[-1]
    assert removal["details"]["new_value"] == {".tag": "removed"}
    assert removal["participants"][0]["user"]["email"] == leaver.email
    last = max(e.event["timestamp"] for e in full_team.events if actor(e.event).get("account_id") == leaver.account_id)
    assert last < removal["timestamp"]


def test_an_outsider_is_invited_to_a_contract_folder(full_team):
    story = full_team.stories["outsider_is_invited_to_a_contract_folder"]
    invited = story.events[0]
    assert invited["assets"][0]["path"]["contextual"] == "/Legal/Contracts 2026"
    assert invited["details"]["invitees"] == [story.target]
    assert invited["involve_non_team_member"] is True
    assert not story.target.endswith(DOMAINS)


def test_a_burst_of_deletions(full_team):
    story = full_team.stories["burst_of_deletions"]
    times = [datetime.fromisoformat(event["timestamp"]) for event in story.events]
    assert times[-1] - times[0] < timedelta(minutes=15)
    assert sum(len(event["assets"]) for event in story.events) > 150
    assert {kind(event) for event in story.events} == {"file_delete", "file_permanently_delete"}


def test_failed_sign_ins_are_followed_by_a_success_from_a_new_country(full_team):
    story = full_team.stories["failed_sign_ins_then_success_from_a_new_country"]
    assert [kind(event) for event in story.events] == ["login_fail"] * 14 + ["login_success"]
    countries = Counter(
        e.event["origin"]["geo_location"].get("country")
        for e in full_team.events
        if "geo_location" in e.event.get("origin", {}) and e.event not in story.events
    )
    assert ABROAD.country not in {c for c, n in countries.items() if c and n}
    assert {event["origin"]["geo_location"]["country"] for event in story.events} == {ABROAD.country}


def test_an_admin_role_is_granted(full_team):
    (granted,) = full_team.stories["admin_role_is_granted"].events
    assert granted["actor"][".tag"] == "admin"
    assert granted["details"]["new_value"] == {".tag": "team_admin"}


def test_two_factor_is_switched_off(full_team):
    (off,) = full_team.stories["two_factor_is_switched_off"].events
    assert off["details"]["new_value"] == {".tag": "disabled"}


def test_a_link_is_made_public_and_visited(full_team):
    events = full_team.stories["link_is_made_public"].events
    assert events[1]["details"]["new_value"] == {".tag": "public"}
    assert sum(event["actor"] == {".tag": "anonymous"} for event in events) == 9


def test_a_third_of_the_seats_is_idle(full_team):
    active = {actor(logged.event).get("account_id") for logged in full_team.events}
    seats = [person for person in full_team.people if person.status != "removed"]
    assert sum(person.account_id not in active for person in seats) == 40


def test_every_story_has_a_teller_and_is_in_the_log(full_team):
    raw = {orjson.dumps(logged.event) for logged in full_team.events}
    assert len(full_team.stories) == 10
    for story in full_team.stories.values():
        assert all(orjson.dumps(event) in raw for event in story.events), story.name


def test_too_small_a_team_has_no_stories():
    with pytest.raises(ValueError, match="at least 40 people and 30 days"):
        simulate_team(people=5)


def test_the_present_is_the_default():
    team = simulate_team(people=40, days=30)
    assert datetime.now(UTC) - team.until < timedelta(minutes=2)
