"""Dropbox's own client, pointed at the simulator: whatever is spec-valid, it must read to the end."""

from __future__ import annotations

from collections import Counter

from dropbox_audit.demo import ACCESS_TOKEN, SimulatedDropbox, SimulatedLog
from dropbox_audit.demo.catalogue import catalogue


def test_reads_every_known_event_type_to_the_end(serve, official, small_team, later):
    server = SimulatedDropbox(small_team.log(short_pages=0.3, empty_pages=0.2), clock=later)
    client = official(serve(server).url)
    result = client.team_log_get_events(limit=900)
    events = list(result.events)
    while result.has_more:
        result = client.team_log_get_events_continue(result.cursor)
        events += result.events

    assert len(events) == len(small_team.events)
    assert {e.event_type._tag for e in events} - {"other"} == set(catalogue())
    for seen, sent in zip(events, small_team.events, strict=True):
        name = sent.event["event_type"][".tag"]
        assert seen.event_type._tag == (name if name in catalogue() else "other")
        if name in catalogue():
            assert seen.details._tag == sent.event["details"][".tag"]
            assert seen.details._value is not None
            assert seen.event_category._tag == catalogue()[name].category
        assert len(seen.assets or ()) == len(sent.event.get("assets", ()))
        assert len(seen.participants or ()) == len(sent.event.get("participants", ()))


def test_reads_the_whole_demo_log(serve, official, full_team, later):
    client = official(serve(SimulatedDropbox(full_team.log(), clock=later)).url)
    result, count = client.team_log_get_events(), 0
    actors: Counter[str] = Counter()
    while True:
        count += len(result.events)
        actors.update(event.actor._tag for event in result.events if event.actor)
        if not result.has_more:
            break
        result = client.team_log_get_events_continue(result.cursor)
    assert count == len(full_team.events)
    assert set(actors) == {"user", "admin", "anonymous", "app", "dropbox", "reseller", "other"}


def test_every_argument_it_can_send_is_accepted(serve, official, small_team, later):
    from dropbox import team_common, team_log

    client = official(serve(SimulatedDropbox(small_team.log(), clock=later)).url)
    person = small_team.people[0]
    span = team_common.TimeRange(start_time=small_team.until.replace(day=1, month=10), end_time=small_team.until)
    client.team_log_get_events(limit=1, account_id=person.account_id, time=span)
    for tag in team_log.EventCategory._tagmap:
        if tag != "other":
            client.team_log_get_events(limit=1, category=getattr(team_log.EventCategory, tag))
    for tag in catalogue():
        found = client.team_log_get_events(limit=1, event_type=getattr(team_log.EventTypeArg, tag)).events
        assert [event.event_type._tag for event in found] == [tag]


def test_refreshes_its_token_after_four_hours(serve, official, small_team, later):
    server = SimulatedDropbox(small_team.log(), clock=later)
    client = official(serve(server).url)
    client.team_log_get_events(limit=1)
    later.advance(4 * 3600)
    client.team_log_get_events(limit=1)
    assert server.count("oauth2/token") == 2
    assert [r.status for r in server.requests if r.route == "team_log/get_events"] == [200, 401, 200]


def test_reads_the_errors(serve, official):
    from dropbox import exceptions

    server = SimulatedDropbox(SimulatedLog(), scopes=["team_info.read"])
    url = serve(server).url
    client = official(url, oauth2_access_token=ACCESS_TOKEN)
    for call, kind in (
        (client.team_log_get_events, exceptions.AuthError),
        (lambda: client.as_user("dbmid:nobody").check_user(), exceptions.AuthError),
    ):
        try:
            call()
        except kind as problem:
            assert problem.error.is_missing_scope()
        else:
            raise AssertionError("no error")


def test_reads_a_bad_cursor_and_a_reset(serve, official, make):
    from dropbox import exceptions

    server = SimulatedDropbox(SimulatedLog.of([make(0)]))
    client = official(serve(server).url)
    cursor = client.team_log_get_events().cursor
    server.log.reset_cursors()
    tags = []
    for bad in ("garbage", cursor):
        try:
            client.team_log_get_events_continue(bad)
        except exceptions.ApiError as problem:
            tags.append(problem.error._tag)
    assert tags == ["bad_cursor", "reset"]


def test_walks_the_directory(serve, official, small_team):
    from dropbox import team

    directory = small_team.directory
    directory.page_limit = 15
    try:
        client = official(serve(SimulatedDropbox(directory=directory)).url)
        info = client.team_get_info()
        assert (info.num_licensed_users, info.num_used_licenses) == (50, 40)
        assert client.team_token_get_authenticated_admin().admin_profile.email == small_team.people[0].email
        value = client.team_features_get_values([team.Feature.has_team_file_events]).values[0]
        assert value.get_has_team_file_events().get_enabled()

        def everything(first, again, key):
            found = list(getattr(first, key))
            while first.has_more:
                first = again(first.cursor)
                found += getattr(first, key)
            return found

        members = everything(client.team_members_list_v2(), client.team_members_list_continue_v2, "members")
        assert len(members) == 40
        assert {m.profile.status._tag for m in members} == {"active", "invited", "suspended"}
        removed = everything(
            client.team_members_list_v2(limit=7, include_removed=True), client.team_members_list_continue_v2, "members"
        )
        assert len(removed) == 41
        groups = everything(client.team_groups_list(limit=2), client.team_groups_list_continue, "groups")
        for group in groups:
            first = client.team_groups_members_list(team.GroupSelector.group_id(group.group_id), limit=5)
            inside = everything(first, client.team_groups_members_list_continue, "members")
            assert len(inside) == group.member_count
        devices = everything(
            client.team_devices_list_members_devices(),
            lambda cursor: client.team_devices_list_members_devices(cursor=cursor),
            "devices",
        )
        apps = everything(
            client.team_linked_apps_list_members_linked_apps(),
            lambda cursor: client.team_linked_apps_list_members_linked_apps(cursor=cursor),
            "apps",
        )
        assert len(devices) == len(apps) == sum(m.profile.status.is_active() for m in members)
        names = everything(client.team_namespaces_list(limit=1), client.team_namespaces_list_continue, "namespaces")
        ids = [n.namespace_id for n in names]
        assert len(ids) == len(set(ids)) + 2  # duplicates occur
        folders = everything(
            client.team_team_folder_list(limit=3), client.team_team_folder_list_continue, "team_folders"
        )
        assert len(folders) == 8
        selector = team.UserSelectorArg.team_member_id
        quotas = client.team_member_space_limits_get_custom_quota([selector(p.member_id) for p in small_team.people])
        assert len(quotas) == 41
        assert sum(q.is_success() and bool(q.get_success().quota_gb) for q in quotas) == 5
        linker = next(member for member, links in directory.shared_links.items() if links)
        directory.page_limit = 2
        as_linker = client.as_user(linker)
        links = everything(
            as_linker.sharing_list_shared_links(),
            lambda cursor: as_linker.sharing_list_shared_links(cursor=cursor),
            "links",
        )
        assert len(links) > directory.page_limit
        assert [link.id for link in links] == [link["id"] for link in directory.shared_links[linker]]
        assert client.as_user(linker).check_user("hello").result == "hello"
    finally:
        directory.page_limit = 1000
