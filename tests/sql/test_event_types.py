"""The seed `event_types.csv`: every documented type is there, and each telling name was decided on deliberately."""

from __future__ import annotations

import csv
import re
from pathlib import Path

SEEDS = Path(__file__).parents[2] / "sql" / "seeds"

with (SEEDS / "event_types.csv").open(encoding="utf-8") as file:
    TYPES = {row["event_type"]: row for row in csv.DictReader(file)}

ACTIVITIES = """
    view download add edit move copy delete restore comment share request signature
    login device app member group policy security governance report team
"""

# Names that speak of one activity while the type is another: reviewed one by one. Reason → types.
NOT_A_DELETE = {
    "a comment": "dash_deleted_comment_from_stack file_delete_comment paper_doc_delete_comment showcase_delete_comment",
    "a group, a policy, a key, a data type: no content": (
        "group_delete governance_policy_delete team_encryption_key_delete_key team_encryption_key_cancel_key_deletion "
        "team_encryption_key_schedule_key_deletion protect_custom_data_type_deleted"
    ),
    "the copy on a device, not the content": "device_delete_on_unlink_fail device_delete_on_unlink_success",
    "a setting about deleting": "permanent_delete_change_policy content_deletion_protection_change_policy",
    "someone's access or a link": (
        "delete_team_invite_link media_hub_project_team_delete replay_project_team_delete send_and_track_link_deleted"
    ),
    "a person's own profile or address book": (
        "member_delete_manual_contacts member_delete_profile_photo secondary_email_deleted"
    ),
    "came back": ("showcase_untrashed showcase_untrashed_deprecated paper_doc_untrashed dash_unarchived_stack"),
}
DELETE_WORDS = re.compile(r"delet|trash|dispos|archive")
DELETES_BY_ANOTHER_NAME = {"send_and_track_removed_file_and_associated_links"}

NOT_A_SHARE = {
    "seen, taken or copied through a share": (
        "dash_opened_shared_link_to_stack media_hub_file_downloaded open_note_shared shared_content_copy "
        "shared_content_download shared_content_view shared_link_copy shared_link_download shared_link_view "
        "shared_note_opened paper_published_link_view send_and_track_link_viewed"
    ),
    "access was asked for, not given": "shared_content_request_access",
    "the shared folder moves in one's own Dropbox": "shared_folder_mount shared_folder_nest shared_folder_unmount",
    "content within a stack": "dash_added_link_to_stack dash_removed_link_from_stack",
    "a device or an app is linked": (
        "app_link_team app_link_user app_unlink_team app_unlink_user device_link_fail device_link_success "
        "device_unlink device_approvals_change_unlink_action device_delete_on_unlink_fail "
        "device_delete_on_unlink_success"
    ),
    "people are invited to the team or to a product, not to content": (
        "backup_admin_invitation_sent backup_invitation_opened create_team_invite_link delete_team_invite_link "
        "disabled_domain_invites enabled_domain_invites domain_invites_approve_request_to_join_team "
        "domain_invites_decline_request_to_join_team domain_invites_email_existing_users "
        "domain_invites_request_to_join_team domain_invites_set_invite_new_user_pref_to_no "
        "domain_invites_set_invite_new_user_pref_to_yes"
    ),
    "a report": (
        "external_sharing_create_report external_sharing_report_failed no_expiration_link_gen_create_report "
        "no_expiration_link_gen_report_failed no_password_link_gen_create_report no_password_link_gen_report_failed "
        "no_password_link_view_create_report no_password_link_view_report_failed outdated_link_view_create_report "
        "outdated_link_view_report_failed shared_folders_create_report shared_folders_create_report_failed"
    ),
    "a setting of the team": (
        "ai_third_party_sharing_dropbox_base_policy_changed dash_external_sharing_policy_changed "
        "folder_link_restriction_policy_changed group_external_sharing_setting_override_changed "
        "invite_acceptance_email_policy_changed media_hub_link_sharing_policy_changed "
        "member_send_invite_policy_changed paper_change_member_link_policy replay_sharing_policy_changed "
        "send_external_sharing_policy_changed shared_link_default_permissions_policy_changed "
        "sharing_change_folder_join_policy sharing_change_link_allow_change_expiration_policy "
        "sharing_change_link_default_expiration_policy sharing_change_link_enforce_password_policy "
        "sharing_change_link_policy sharing_change_member_policy showcase_change_external_sharing_policy "
        "sign_external_sharing_policy_changed team_external_sharing_controls_activation_state_changed "
        "team_external_sharing_controls_recipient_lists_changed team_sharing_whitelist_subjects_changed"
    ),
    "content went away": "send_and_track_removed_file_and_associated_links",
}
SHARE_WORDS = re.compile(r"shar(e|ing)|link|invit")

NOT_A_LOGIN = {
    "a way to sign in, or a setting of it": (
        "apple_login_change_policy microsoft_login_change_policy passkey_login_policy_changed sso_add_login_url "
        "sso_change_login_url sso_remove_login_url sso_add_logout_url sso_change_logout_url sso_remove_logout_url"
    ),
}
LOGIN_WORDS = re.compile(r"login|logout|sign_in|signed_in|signed_out")

NOT_A_POLICY_CHANGE = {
    "content, exports and reports under a retention policy": (
        "governance_policy_add_folder_failed governance_policy_content_disposed governance_policy_export_created "
        "governance_policy_export_removed governance_policy_report_created governance_policy_zip_part_downloaded"
    ),
}


def names(reasons: dict[str, str]) -> set[str]:
    return {name for types in reasons.values() for name in types.split()}


def named(words: re.Pattern[str]) -> set[str]:
    return {event_type for event_type in TYPES if words.search(event_type)}


def of_activity(activity: str) -> set[str]:
    return {event_type for event_type, row in TYPES.items() if row["activity"] == activity}


def with_value(column: str) -> set[str]:
    return {event_type for event_type, row in TYPES.items() if row[column] not in ("", "false")}


def test_all_643_documented_types_are_there_in_order() -> None:
    assert len(TYPES) == 643
    assert list(TYPES) == sorted(TYPES)
    assert {row["activity"] for row in TYPES.values()} == set(ACTIVITIES.split())
    assert all(row["description"] and row["event_category"] for row in TYPES.values())
    assert len(with_value("is_deprecated")) == 83


def test_each_name_that_speaks_of_deleting_was_decided() -> None:
    assert named(DELETE_WORDS) | DELETES_BY_ANOTHER_NAME == of_activity("delete") | names(NOT_A_DELETE)
    assert of_activity("delete").isdisjoint(names(NOT_A_DELETE))


def test_each_name_that_speaks_of_sharing_was_decided() -> None:
    undecided = named(SHARE_WORDS) - of_activity("share") - names(NOT_A_SHARE)
    assert undecided == set()
    assert of_activity("share").isdisjoint(names(NOT_A_SHARE))
    assert names(NOT_A_SHARE) <= set(TYPES)


def test_each_name_that_speaks_of_signing_in_was_decided() -> None:
    assert named(LOGIN_WORDS) - of_activity("login") == names(NOT_A_LOGIN)
    assert of_activity("login").isdisjoint(names(NOT_A_LOGIN))


def test_each_name_that_speaks_of_a_policy_was_decided() -> None:
    assert named(re.compile("policy")) - with_value("is_policy_change") == names(NOT_A_POLICY_CHANGE)
    assert {name for name, row in TYPES.items() if row["event_category"] == "team_policies"} <= with_value(
        "is_policy_change"
    )


def test_what_a_view_needs_is_given_exactly_where_it_is_needed() -> None:
    assert with_value("delete_kind") == of_activity("delete")
    assert with_value("share_kind") == with_value("share_change") == of_activity("share")
    assert with_value("login_outcome") == of_activity("login")
    assert with_value("policy_name") == with_value("is_policy_change")
    granting = {name for name, row in TYPES.items() if row["share_change"] == "granted"}
    assert with_value("grants_access") < granting


def test_only_what_dropbox_calls_permanent_is_permanent() -> None:
    permanent = {name for name, row in TYPES.items() if row["delete_kind"] == "permanently deleted"}
    assert permanent == {name for name in of_activity("delete") if "permanently" in name}


def test_public_mail_domains_are_plain_and_in_order() -> None:
    domains = (SEEDS / "public_mail_domains.csv").read_text(encoding="utf-8").split()[1:]
    assert domains == sorted(set(domains))
    assert all(re.fullmatch(r"[a-z0-9.-]+\.[a-z]+", domain) for domain in domains)
