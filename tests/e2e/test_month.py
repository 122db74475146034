"""A process that runs for weeks stays as small as it was and as exact."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from support import Workspace


def test_a_month_of_polls_in_one_process_is_exact_and_its_memory_flat(outside: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("month.py"))],
        cwd=outside.folder,
        env=outside.environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    month = json.loads(done.stdout)
    assert month["polls"] == 8640
    assert (month["is_exact"], month["is_unique"], month["verified"]) == (True, True, "equal"), month
    assert month["shown"] == month["events"]
    assert month["recorded_runs"] > 8640 * 0.99, "all but what a lost machine's journal held"
    # What should have befallen it did.
    told = month["told"]
    assert {"reset", "forgotten", "jump", "fault", "failed", "start", "token"} <= set(told)
    assert 30 * 24 / 4 < told["token"] < 300, "a token lasts four hours"
    # The first days fill caches; after them the line is flat, but for what allocators keep in pieces.
    early, late = median(month["memory"][4:12]), median(month["memory"][-8:])
    assert late < early * 1.06, month["memory"]
