"""Is everything in place? Token, scopes, plan, warehouse."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import orjson

from dropbox_audit.api import CursorLost, DropboxClient
from dropbox_audit.errors import ConfigurationError, DropboxAuditError, MissingScopeError
from dropbox_audit.warehouse import Target, connect, missing_permissions

REQUIRED_SCOPES = {
    "events.read": "the audit log",
    "team_info.read": "the team's name, seats and plan",
}
OPTIONAL_SCOPES = {
    "members.read": "members, their roles and storage limits",
    "groups.read": "groups and who is in them",
    "sessions.list": "devices and linked apps",
}
LINK_SCOPES = {
    "sharing.read": "shared links",
    "team_data.member": "shared links",
}
"""Needed with the setting `shared_links` only."""

_HARMLESS_SCOPES = {"account_info.read"}
"""Dropbox grants it to every app, whether it asks or not."""

_PROBES = {
    "events.read": ("team_log/get_events", {"limit": 1}),
    "team_info.read": ("team/get_info", None),
    "members.read": ("team/members/list_v2", {"limit": 1}),
    "groups.read": ("team/groups/list", {"limit": 1}),
    "sessions.list": ("team/devices/list_members_devices", {}),
}


@dataclass
class Findings:
    """What a check found; empty `problems` means that loading will work."""

    team: str | None = None
    granted_scopes: list[str] = field(default_factory=list)
    missing_scopes: list[str] = field(default_factory=list)
    superfluous_scopes: list[str] | None = None
    """None where Dropbox does not tell which scopes a token has."""
    has_file_events: bool | None = None
    warehouse: str = ""
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exit_code: int = 0

    def problem(self, error: DropboxAuditError) -> None:
        """Note what will keep a load from working."""
        self.problems.append(str(error))
        self.exit_code = max(self.exit_code, error.exit_code)


def check(client: DropboxClient, target: Target, *, shared_links: bool = False) -> Findings:
    """Ask each route once and look at the warehouse; never raises for what it is meant to find.

    Args:
        client: with the settings to be checked.
        target: the warehouse.
        shared_links: whether the setting of that name is on.
    """
    findings = Findings(warehouse=target.name)
    try:
        _check_dropbox(client, findings, OPTIONAL_SCOPES | (LINK_SCOPES if shared_links else {}))
    except DropboxAuditError as error:
        findings.problem(error)
    try:
        target.check_usable()
        if target.path is not None and target.path.exists():
            with connect(target.path):
                pass
        if target.destination in {"bigquery", "snowflake"}:
            for sentence in missing_permissions(target):
                findings.problem(ConfigurationError(sentence))
    except DropboxAuditError as error:
        findings.problem(error)
    return findings


def _check_dropbox(client: DropboxClient, findings: Findings, optional: Mapping[str, str]) -> None:
    told = client.granted_scopes()
    answers: dict[str, bytes] = {}
    for scope, (route, argument) in _PROBES.items():
        if told is not None and scope not in told:
            findings.missing_scopes.append(scope)
            continue
        try:
            answers[scope] = client.call(route, argument)
            findings.granted_scopes.append(scope)
        except MissingScopeError:
            findings.missing_scopes.append(scope)
    if LINK_SCOPES.keys() <= optional.keys():
        _check_links(client, findings, told, answers.get("members.read"))
    if told is not None:
        needed = {*REQUIRED_SCOPES, *optional, *_HARMLESS_SCOPES}
        findings.granted_scopes = sorted(told)
        findings.superfluous_scopes = sorted(set(told) - needed)
    for scope in findings.missing_scopes:
        if scope in REQUIRED_SCOPES:
            findings.problem(
                ConfigurationError(
                    f"The scope {scope} is missing ({REQUIRED_SCOPES[scope]}): tick it under Permissions in the App "
                    "Console, then run `dropbox-audit auth` again."
                )
            )
        else:
            findings.warnings.append(f"The scope {scope} is missing: there will be no {optional[scope]}.")
    for scope in findings.superfluous_scopes or []:
        findings.warnings.append(f"The scope {scope} is not needed: untick it in the App Console and authorise again.")
    if "team_info.read" in answers:
        findings.team = orjson.loads(answers["team_info.read"]).get("name")
        findings.has_file_events = _has_file_events(client)
        if findings.has_file_events is False:
            findings.warnings.append(
                "The team's plan has no file events: views about files will stay empty (Dropbox Business Plus, "
                "Advanced and Enterprise have them)."
            )


def _check_links(
    client: DropboxClient, findings: Findings, told: Collection[str] | None, members: bytes | None
) -> None:
    """Look for the scopes of the setting `shared_links`; without being told, only by asking for a member's links."""
    if told is not None:
        findings.missing_scopes += [scope for scope in LINK_SCOPES if scope not in told]
        return
    listed = orjson.loads(members).get("members", []) if members else []
    for member in listed:
        headers = {"Dropbox-API-Select-User": str(member["profile"]["team_member_id"])}
        refusals = ("user_suspended", "invalid_select_user")
        try:
            client.call("sharing/list_shared_links", {}, headers=headers, facts=refusals)
            findings.granted_scopes += LINK_SCOPES
        except MissingScopeError as error:
            findings.missing_scopes += [error.scope] if error.scope in LINK_SCOPES else LINK_SCOPES
        except CursorLost:
            # Not an active member: the scopes were in order, or it would have said so first.
            findings.granted_scopes += LINK_SCOPES


def _has_file_events(client: DropboxClient) -> bool | None:
    answer = orjson.loads(client.call("team/features/get_values", {"features": [{".tag": "has_team_file_events"}]}))
    for value in answer.get("values", []):
        feature = value.get("has_team_file_events")
        if isinstance(feature, dict) and isinstance(feature.get("enabled"), bool):
            return bool(feature["enabled"])
    return None
