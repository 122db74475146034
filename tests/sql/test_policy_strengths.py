"""The seed `policy_strengths.csv`: no setting of the specification is left out, and the order is the safe one."""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SEED = Path(__file__).parents[2] / "sql" / "seeds" / "policy_strengths.csv"

STRENGTHS: dict[str, dict[str, int]] = defaultdict(dict)
with SEED.open(encoding="utf-8") as file:
    for row in csv.DictReader(file):
        STRENGTHS[row["event_type"]][row["setting"]] = int(row["strength"])

# The specification has the unions of these two the wrong way round, so both event types know the tags of both.
SWAPPED = {
    "sharing_change_link_allow_change_expiration_policy",
    "sharing_change_link_enforce_password_policy",
}
# An alert's configuration holds three settings at once, and each has a scale of its own.
ALERT = "admin_alerting_changed_alert_config"
ALERT_SCALES = (("off", "on"), ("lowest", "low", "medium", "high", "highest"), ("none", "custom_list"))
NO_STATEMENT = {"other", "invalid"}


@cache
def _team_log() -> Any:
    import dropbox.team_log  # takes a second

    return dropbox.team_log


def _tags(union: Any) -> set[str]:
    return set(union._tagmap) - NO_STATEMENT


def _tags_of_new_value(event_type: str) -> set[str]:
    """The tags that the specification allows for `new_value` in the details of an event type."""
    details = getattr(_team_log().EventDetails, f"_{event_type}_details_validator")
    field: Any = dict(details.definition._all_fields_)["new_value"]
    return _tags(getattr(field, "validator", field).definition)


@pytest.mark.parametrize("event_type", sorted(set(STRENGTHS) - SWAPPED - {ALERT}))
def test_settings_are_those_of_the_specification(event_type: str) -> None:
    assert set(STRENGTHS[event_type]) == _tags_of_new_value(event_type)


@pytest.mark.parametrize("event_type", sorted(SWAPPED))
def test_swapped_unions_are_known_under_both_event_types(event_type: str) -> None:
    both = set.union(*(_tags_of_new_value(name) for name in SWAPPED))
    assert set(STRENGTHS[event_type]) == both == {"allowed", "not_allowed", "optional", "required"}


def test_an_alerts_state_sensitivity_and_recipients_are_known() -> None:
    known = _team_log()
    unions = (
        known.AdminAlertingAlertStatePolicy,
        known.AdminAlertingAlertSensitivity,
        known.AlertRecipientsSettingType,
    )
    assert set(STRENGTHS[ALERT]) == set.union(*map(_tags, unions))
    for scale in ALERT_SCALES:
        strengths = [STRENGTHS[ALERT][setting] for setting in scale]
        assert strengths == sorted(set(strengths))
        assert strengths[0] == 1


@pytest.mark.parametrize("event_type", sorted(STRENGTHS))
def test_strengths_count_from_one_without_a_gap(event_type: str) -> None:
    strengths = set(STRENGTHS[event_type].values())
    assert strengths == set(range(1, max(strengths) + 1))
    assert len(strengths) > 1


@pytest.mark.parametrize(
    ("event_type", "weaker", "stronger"),
    [
        ("permanent_delete_change_policy", "enabled", "disabled"),  # enabled: members may delete for good
        ("folder_link_restriction_policy_changed", "disabled", "enabled"),  # enabled: links are restricted
        ("apple_login_change_policy", "enabled", "default"),
        ("apple_login_change_policy", "default", "disabled"),
        ("passkey_login_policy_changed", "disabled", "enabled"),  # a passkey cannot be phished
        ("account_capture_change_policy", "disabled", "all_users"),
        ("sharing_change_link_policy", "default_public", "only_private"),
        ("sharing_change_link_default_expiration_policy", "none", "year_1"),
        ("sharing_change_link_default_expiration_policy", "day_30", "day_7"),
        ("group_external_sharing_setting_override_changed", "unset", "forbid"),
        ("rewind_policy_changed", "admins_only", "everyone"),  # the more people can go back, the sooner it is done
    ],
)
def test_the_setting_that_protects_more_is_the_stronger(event_type: str, weaker: str, stronger: str) -> None:
    assert STRENGTHS[event_type][weaker] < STRENGTHS[event_type][stronger]
