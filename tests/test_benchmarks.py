"""The benchmarks at a tiny size, through their own door: each part gives its rows. No time is judged here."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from dropbox_audit.events import decode_events
from support import clean_environment

from benchmarks.log import KINDS, append, evenly, event_line, stamp
from benchmarks.log_server import serving
from benchmarks.questions import QUESTIONS

ROOT = Path(__file__).parents[1]
ROWS = {
    "load memory": ["`load`, 1,000", "`load`, 2,000", "peak memory"],
    "rivals": ["dlt's nested-dict path", "the official client", "Grove's walk"],
    "history": ["1 worker", "2 workers", "4 workers", "8 workers"],
    "polls questions": [
        "nothing new",
        *(f"new events onto {size} |" for size in ("10 thousand", "1 million", "10 million")),
        *(f"`{view}` of" for view in QUESTIONS),
    ],
}


@pytest.mark.parametrize("parts", ROWS)
def test_each_part_gives_its_rows(parts: str, tmp_path: Path) -> None:
    results = tmp_path / "results.md"
    results.write_text("What was there before.\n")
    command = [sys.executable, "-m", "benchmarks", *parts.split(), "--scale", "0.001", "--results", str(results)]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path / "made")],
        cwd=ROOT,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    appended = results.read_text().removeprefix("What was there before.\n")
    assert done.stdout.strip() == appended.strip()
    rows = [line for line in appended.splitlines() if line.startswith("| ")][1:]
    for expected in ROWS[parts]:
        assert any(expected in row for row in rows), expected
    assert len(rows) == len(ROWS[parts])
    # What was measured, against what, and a ratio.
    assert all(float(row.split(" | ")[3]) > 0 for row in rows)


def test_every_view_has_its_questions() -> None:
    marts = {path.stem for path in (ROOT / "sql" / "models" / "marts").glob("*.sql")}
    assert set(QUESTIONS) == marts | {"alerts", "alert_rules"}


def test_events_of_the_log_are_like_dropboxs() -> None:
    chance = random.Random(1)
    lines = [event_line(n, 1_700_000_000 + n, chance) for n in range(3_000)]
    events = [json.loads(line) for line in lines]
    assert {event["event_type"][".tag"] for event in events} == {kind.name for kind in KINDS}
    assert decode_events(lines).tables["events"]["unknown_fields"].null_count == len(lines)
    assert len({asset["file_id"] for event in events for asset in event["assets"]}) == sum(
        len(event["assets"]) for event in events
    )
    assert 1_150 < sum(map(len, lines)) / len(lines) < 1_290


def test_the_log_server_keeps_to_bounds_of_time_and_serves_what_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    end = 1_700_000_000
    append(path, evenly(250, 86_400, end))
    with serving(path, most_events=100) as served:

        def ask(route: str, **argument: object) -> dict[str, Any]:
            answer = requests.post(f"{served.url}/2/team_log/{route}", json=argument, timeout=10)
            return dict(answer.json())

        window = {"start_time": stamp(end - 150), "end_time": stamp(end - 20)}
        first = ask("get_events", time=window)
        rest = ask("get_events/continue", cursor=first["cursor"])
        assert [len(first["events"]), first["has_more"], len(rest["events"]), rest["has_more"]] == [
            100,
            True,
            30,
            False,
        ]
        assert first["events"][0]["timestamp"] == window["start_time"]
        assert rest["events"][-1]["timestamp"] == stamp(end - 21)

        newest = ask("get_events", time={"start_time": stamp(end - 10)})
        assert len(newest["events"]) == 10
        append(path, [end, end + 1])
        news = ask("get_events/continue", cursor=newest["cursor"])
        assert [event["timestamp"] for event in news["events"]] == [stamp(end), stamp(end + 1)]
        nothing = ask("get_events/continue", cursor=news["cursor"])
        assert (nothing["events"], nothing["has_more"]) == ([], False)
        assert nothing["cursor"] != news["cursor"]
        assert served.requests() == 5
        # A window whose end was named stays as it is.
        assert ask("get_events/continue", cursor=rest["cursor"])["events"] == []
