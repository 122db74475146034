"""Write docs/alerts.md from the seed of the alert rules: what each sees, why it matters and what to do.

    python docs/generate_alerts.py            write docs/alerts.md
    python docs/generate_alerts.py --check    exit 1 when docs/alerts.md is stale

A condition, a count or a subject that has no words here ends it with an error, so that no rule goes undescribed.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SEED = ROOT / "sql" / "seeds" / "alert_rules.csv"
PAGE = ROOT / "docs" / "alerts.md"

Rule = dict[str, str]

GROUPS = {
    "A": "Signing in and accounts",
    "B": "Protection of the sign-in",
    "C": "Roles, groups and who belongs to the team",
    "D": "Sharing",
    "E": "Data that leaves",
    "F": "Data that is destroyed",
    "G": "Apps and AI",
    "H": "Governance, reports and policies",
    "I": "The collector itself",
    "J": "Seats and the contract",
}

# After "where": the words of a condition that takes no values.
CONDITIONS = {
    "actor_has_left": "whoever acts was suspended or removed at that time",
    "actor_outside": "whoever acts is outside the team",
    "admin_role": "the new role is an admin's",
    "country_listed": "the country is on the list `risky_country`",
    "downloaded_before": (
        "the same person downloaded the file within the day before, and deletes half or more of what they downloaded"
    ),
    "email_outside": "the new address is outside the team's domains",
    "folder_watched": "the item lies in a folder on the list `watched_folder`",
    "group_watched": "the group is on the list `watched_group`",
    "ip_listed": "the address is on the list `risky_ip` and not on `trusted_ip`",
    "list_widened": "the list of those whom one may share with grows",
    "made_public": "it was narrower and now anyone with the link gets in, with or without an account",
    "departure": "it takes a member, not only an invitation, out of the team",
    "not_data_loss": "it is not about sensitive content, which D11 shows",
    "new_extension": "the file gets another extension",
    "new_in_team": "it is new for the whole team",
    "no_deadline": "there is no deadline",
    "outside": "anyone outside the team takes part",
    "public_link": "the last snapshot of links says that anyone may open the link (needs the setting `shared_links`)",
    "publisher_unknown": "Dropbox names no publisher of the app and it is not on the list `trusted_app`",
    "ransomware_name": "the extension or the name is one that ransomware is known for",
    "sent_outside": "it goes to somebody outside the team",
    "target_free_mail": "the address is one of a public mail provider",
    "target_is_other": "it is somebody else's account",
    "target_outside": "somebody whom the event names is outside the team",
    "unknown_type": "this version does not know the type",
    "unmatched_policy": "the category is `team_policies` and no other rule takes the event",
    "used_rescue_code": "a rescue code was used",
    "weakened": "the new setting protects less than the one before",
}
# Conditions with values, which follow.
FACTS = {
    "access_level": "the access given is",
    "alert_category": "Dropbox's category is",
    "alert_severity": "Dropbox's severity is",
    "connector_status": "the result is",
    "days_left": "the days left are at most",
    "event_type": "the type is",
    "followed_by": "the window around it also holds",
    "gap_minutes": "the minutes without news are at least",
    "new_value": "the new value is",
    "then_alert": "within a day the same person also raises",
}
# Known only to the rules whose escalations have them.
OF_FEW_RULES = {"days_left", "followed_by", "gap_minutes", "new_in_team", "then_alert"}
COUNTED = {
    "actors": "different people",
    "apps": "different apps",
    "assets": "different files, folders or documents",
    "bytes": "bytes",
    "events": "events",
    "ip_addresses": "different addresses",
    "shares": "different pairs of an item and a person",
    "targets": "different people",
}
SUBJECTS = {
    "actor": "by one person or app",
    "actor_and_extension": "with one extension by one person or app",
    "actor_and_item": "by one person or app on one thing",
    "actor_and_target": "by one person or app on one other",
    "actor_and_type": "of one type by one person or app",
    "asset": "on one file, folder or document",
    "ip_address": "from one address",
    "item": "about one thing",
    "session": "in one session",
    "target": "on one person",
    "team": "in the team",
    "type": "of one type",
}
FIRSTS = {
    "actors": "Raised when somebody signs in after {baseline} without any activity.",
    "apps": "Raised for an app that nobody in the team has linked in the {baseline} before.",
    "countries": "Raised for a country from which the person has not been active in the {baseline} before.",
    "hours": (
        "Raised at an hour of the day (UTC) that is not within four of any hour at which the person was active in the "
        "{baseline} before, where they were on ten days at least."
    ),
    "platforms": "Raised for a kind of device that the person has not linked in the {baseline} before.",
    "reports": "Raised for a report by somebody who has not made one in the {baseline} before.",
}

# What the rules without events look at.
WITHOUT_EVENTS = {
    "I01": (
        "No successful run for {threshold} minutes, and for more than twice the usual time between two. While it lasts "
        "this takes six hours longer to be seen, for a run that finds nothing may keep its record so long."
    ),
    "I02": "A run in which Dropbox reset the log's cursor or refused it.",
    "I04": "A day of which {threshold} or more events arrived more than an hour after they happened.",
    "I05": "A log that goes on for {threshold} days without any event about files.",
    "J01": "{threshold} percent or more of the seats that were bought are taken.",
    "J02": "Active members who have been idle for {threshold} days or more; one alert a week while there are any.",
    "J03": "Invitations that have waited for more than {threshold} days; one alert a week while there are any.",
    "J04": "Members who have been suspended for more than {threshold} days; one alert a week while there are any.",
    "J05": "A contract that renews in {threshold} days, again at 60 and at 30.",
}

INTRODUCTION = """\
# Alerts

{count} rules watch the log, the collector and the seats. What they raise is in the view `alerts`, the rules as they
hold for your team in `alert_rules`; both are in the schema `dropbox_audit`.

* **An alert is an episode**, not an event: it begins when a rule's threshold is crossed and goes on, with the same
  `alert_id`, while more of the same follows within the rule's window.
* **Things are counted, not log lines.** A download of sixty files in one event counts sixty; the same file ten times
  counts one. A deleted folder counts ten, for nobody knows what was in it.
* **Windows slide.** An hour is any sixty minutes, not a clock hour.
* **Inside or outside** is judged by your verified domains and members at that time, for everyone: members, apps,
  guests and people without a name.
* **Late events raise their alert when they arrive**, with the time at which they happened (`occurred_at`, beside
  `raised_at`).
* A rule with a baseline also compares people with themselves: it asks for more than their own busiest hours of so
  many days (mean and three standard deviations), where five days or more are known, and never for less than the
  threshold.
* A rule about something new judges nobody whom the log has known for less than two weeks, for at first everything is
  new.
* `severity` is critical, high, medium, low or info. Where a circumstance makes it worse, the worst that holds counts.

## Your own settings

The file `alert_settings.csv` in the working directory (or wherever the setting `alert_settings` says) changes rules
without touching them:

```csv
rule_id,setting,value
F01,threshold,200
A09,enabled,false
D08,severity,info
,risky_country,Atlantis
,trusted_ip,203.0.113.
,watched_folder,/Legal/Contracts
,allowed_domain,partner.example
```

With a rule's id, `setting` is `enabled` (true or false), `severity`, `threshold`, `window_minutes` or
`baseline_days`; the last three for the rules that list them below. A severity of your own is final: nothing makes it
worse or better. Without an id, the line is an entry of a watch list; a rule that asks for one raises nothing while the
list is empty:

| list | an entry is | read by |
|---|---|---|
{lists}

The file is read with every run and loaded when it has changed. A bad line is told with its number and what to write;
everything else is done, and the exit code is 2.

## A rule of your own

In a copy of this project, a rule of the form "this event happened" is a line of `sql/seeds/alert_rules.csv` and
nothing else. `event_types` lists types, separated by one space; `type:condition` takes an event only where the
condition holds, and a `!` at the end says that one is enough whatever the threshold. `counted` says what of whom, such
as `assets per actor`: {counted}, per {subjects}. `escalations` lists `severity:condition`. `title` is a sentence with
placeholders as the other rules have them. Then `make docs` writes this page anew.

| condition | holds where |
|---|---|
{conditions}
"""

LISTS = {
    "risky_country": "a country, as Dropbox writes it",
    "risky_ip": "an address, or its beginning such as `203.0.113.`",
    "trusted_ip": "the same; such addresses raise no alert about places",
    "watched_folder": "a path; everything below it counts",
    "watched_group": "a group's name",
    "allowed_domain": "a partner's domain, which then counts as inside",
    "leaver": "the e-mail address of somebody who will leave",
    "trusted_app": "an app's name or id",
}
# Lists that the SQL reads for rules whose conditions do not name them.
READ_BEYOND_CONDITIONS = {
    "trusted_ip": {"A05", "A06"},
    "allowed_domain": {"everything that asks who is outside"},
    "leaver": {"E04"},
}

FOOTNOTE = "<!-- Generated by docs/generate_alerts.py from sql/seeds/alert_rules.csv; edit the rules there. -->\n"

UNITS = ((1440, "day"), (60, "hour"), (1, "minute"))


def read_rules() -> list[Rule]:
    """The lines of the seed."""
    with SEED.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def duration(minutes: int) -> str:
    """60 → `an hour`, 240 → `4 hours`."""
    length, unit = next((length, unit) for length, unit in UNITS if minutes % length == 0)
    number = minutes // length
    return f"{number} {unit}s" if number > 1 else f"{'an' if unit == 'hour' else 'a'} {unit}"


def listed(items: Iterable[str], word: str = "and") -> str:
    items = list(items)
    return f" {word} ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else items[0]


def condition(text: str) -> str:
    """The words of a condition, as they stand after "where"."""
    name, _, values = text.partition("=")
    if values:
        return f"{FACTS[name]} {listed((f'`{value}`' for value in values.split('|')), 'or')}"
    return CONDITIONS[name]


def entries(rule: Rule) -> Iterable[tuple[str, str, bool]]:
    """The event types of a rule: type, condition or an empty text, whether one event is enough."""
    for entry in rule["event_types"].split(" "):
        event_type, _, of = entry.removesuffix("!").partition(":")
        yield event_type, of, entry.endswith("!")


def seen(rule: Rule) -> str:
    """The event types, those with the same condition together."""
    together: dict[tuple[str, bool], list[str]] = {}
    for event_type, of, is_enough in entries(rule):
        name = "an event of any type" if event_type == "*" else f"`{event_type}`"
        together.setdefault((of, is_enough), []).append(name)
    parts = []
    for (of, is_enough), types in together.items():
        circumstance = f" where {condition(of)}" if of else ""
        parts.append(listed(types, "or") + circumstance + " (one is enough)" * is_enough)
    return "; ".join(parts)


def threshold(rule: Rule) -> str:
    """When it is raised, as a sentence."""
    counts = [entry.strip().partition(" per ") for entry in rule["counted"].split(",")]
    window = duration(int(rule["window_minutes"])) if rule["window_minutes"] else ""
    baseline = duration(1440 * int(rule["baseline_days"])) if rule["baseline_days"] else ""
    if rule["kind"] == "first":
        return FIRSTS[counts[0][0]].format(baseline=baseline)
    if rule["kind"] == "travel":
        speed = f"{int(rule['threshold']):,} km/h"
        return f"Raised when two places of one person within {window} are farther apart than {speed} allow."
    if rule["kind"] == "event":
        about = listed((SUBJECTS[subject] for _, _, subject in counts), "or")
        return f"Each is an alert; those {about} with no pause longer than {window} are one."
    least = f"{int(rule['threshold']):,} or more"
    amounts = listed((f"{least} {COUNTED[counted]} {SUBJECTS[subject]}" for counted, _, subject in counts), "or")
    above = f", and more than in their own busiest hours of the last {baseline}" if baseline else ""
    return f"Raised at {amounts} within {window}{above}."


def link(rule_id: str) -> str:
    return f"[{rule_id}](#{rule_id.lower()})"


def sight(rule: Rule) -> str:
    """What a rule sees and when it is raised."""
    if rule["kind"] in ("collector", "seats"):
        return WITHOUT_EVENTS[rule["rule_id"]].format(**rule)
    if rule["kind"] == "sequence":
        before, _, after = rule["event_types"].partition(" > ")
        window = duration(int(rule["window_minutes"]))
        earlier = f"An alert of {listed((link(name) for name in before.split()), 'or')}"
        if after == "departure":
            return f"{earlier}, if its person is suspended or removed within {window}, or is on the list `leaver`."
        return f"{earlier}, followed by one of {link(after)} about the same person within {window}."
    return f"{seen(rule)}. {threshold(rule)}"


def severity(rule: Rule) -> str:
    """The severity, and what makes it another."""
    other: dict[str, list[str]] = {}
    for entry in rule["escalations"].split():
        level, _, of = entry.partition(":")
        other.setdefault(level, []).append(f"where {condition(of)}")
    return "; ".join([rule["severity"], *(f"{level} {listed(places, 'or')}" for level, places in other.items())])


def parameters(rule: Rule) -> str:
    """What the team's own settings may change, with the shipped values."""
    names = {
        "event": ["window_minutes"],
        "sequence": ["window_minutes"],
        "collector": ["threshold"],
        "seats": ["threshold"],
    }.get(rule["kind"], ["threshold", "window_minutes", "baseline_days"])
    own = [f"`{name}` ({rule[name]})" for name in names if rule[name]]
    return listed([*own, f"`severity` ({rule['severity']})", f"`enabled` ({rule['is_enabled']})"])


def technique(name: str) -> str:
    return f"[{name}](https://attack.mitre.org/techniques/{name.replace('.', '/')}/)"


def describe(rule: Rule) -> str:
    steps = re.split(r"(?:^| )(?=\d\. )", rule["runbook"])
    facts = [
        f"* **Sees:** {sight(rule)}",
        f"* **Severity:** {severity(rule)}",
        f"* **You may change:** {parameters(rule)}",
    ]
    if rule["mitre"]:
        facts.append(f"* **ATT&CK:** {', '.join(map(technique, rule['mitre'].split()))}")
    if rule["peers"]:
        facts.append(f"* **Also in:** {rule['peers']}")
    heading = f'### <a id="{rule["rule_id"].lower()}"></a>{rule["rule_id"]} {rule["name"]}'
    return "\n\n".join([heading, rule["why"], "\n".join(facts), "\n".join(step for step in steps if step)])


def readers(rules: list[Rule], name: str) -> str:
    """Which rules read a watch list."""
    found = set(READ_BEYOND_CONDITIONS.get(name, ()))
    for rule in rules:
        circumstances = [of for _, of, _ in entries(rule)]
        circumstances += [entry.partition(":")[2] for entry in rule["escalations"].split()]
        if any(of and f"`{name}`" in condition(of) for of in circumstances):
            found.add(rule["rule_id"])
    return ", ".join(sorted(found))


def introduction(rules: list[Rule]) -> str:
    return INTRODUCTION.format(
        count=len(rules),
        counted=listed((f"`{name}`" for name in COUNTED), "or"),
        subjects=listed((f"`{name}`" for name in SUBJECTS), "or"),
        lists="\n".join(f"| `{name}` | {meaning} | {readers(rules, name)} |" for name, meaning in LISTS.items()),
        conditions="\n".join(
            [f"| `{name}` | {words} |" for name, words in CONDITIONS.items() if name not in OF_FEW_RULES]
            + [f"| `{name}=a\\|b` | {words} a or b |" for name, words in FACTS.items() if name not in OF_FEW_RULES]
        ),
    )


def render() -> str:
    """The whole page."""
    rules = read_rules()
    overview = ["## All rules", "| rule | name | severity |\n|---|---|---|"]
    overview[1] += "".join(f"\n| {link(rule['rule_id'])} | {rule['name']} | {rule['severity']} |" for rule in rules)
    body = []
    for letter, title in GROUPS.items():
        body.append(f"## {letter} {title}")
        body += [describe(rule) for rule in rules if rule["rule_id"].startswith(letter)]
    return "\n\n".join(part.strip() for part in [introduction(rules), *overview, *body, FOOTNOTE]) + "\n"


def main() -> int:
    """Write the page, or with `--check` compare it."""
    page = render()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page else 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
