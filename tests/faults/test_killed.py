"""A process that is killed, at each point where that could hurt: nothing is lost and nothing is shown twice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from dropbox_audit.demo import SimulatedLog
from dropbox_audit.demo.faults import stall
from support import CONTINUE, GET_EVENTS, Workspace, for_simulator, make_event, multiset

# Runs `dropbox-audit load`, and ends the process as a power cut does at the given call of the given function.
_DOOMED = """
import importlib, os, sys

module, name, moment, ordinal = sys.argv[1:5]
owner = importlib.import_module(module)
*path, attribute = name.split(".")
for step in path:
    owner = getattr(owner, step)
original, calls = getattr(owner, attribute), 0

def doomed(*arguments, **options):
    global calls
    calls += 1
    if calls == int(ordinal) and moment == "before":
        os._exit(137)
    result = original(*arguments, **options)
    if calls == int(ordinal) and moment == "after":
        os._exit(137)
    return result

setattr(owner, attribute, doomed)
sys.argv = ["dropbox-audit", "load"]
from dropbox_audit.cli import main
main()
"""

POINTS = {
    "while extracting": ("dropbox_audit.cursor", "store", "before", 1),
    "after extracting": ("dlt", "Pipeline.extract", "after", 1),
    "before the package is complete": ("dlt.load.load", "Load.complete_package", "before", 1),
    "before the journal knows": ("dlt", "Pipeline.load", "after", 2),
    "in the second batch": ("dlt", "Pipeline.normalize", "after", 2),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_load_is_made_good_by_the_next(point: str, workspace: Workspace, serve: Any) -> None:
    events = [make_event(number) for number in range(8)]
    events[3] = events[2]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    killed = subprocess.run(
        [sys.executable, "-c", _DOOMED, *map(str, POINTS[point])],
        cwd=workspace.folder,
        env={**workspace.environment, **for_simulator(url, max_pages_per_batch="2", backfill_workers="1")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert killed.returncode == 137, killed.stderr
    server.log.append([make_event(100)])
    workspace.load(url)
    assert multiset(workspace.events()) == multiset([*events, make_event(100)])
    assert workspace.load(url).outcome == "nothing_new"


def test_a_load_that_is_killed_while_it_waits_loses_nothing(workspace: Workspace, serve: Any) -> None:
    events = [make_event(number) for number in range(6)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 2, stall(60))
    process = workspace.start("load", **for_simulator(url, max_pages_per_batch="1", backfill_workers="1"))
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if line.startswith("4 events"):
            break
    process.kill()
    process.communicate()
    assert process.returncode == -9, told
    asked = len(server.requests)
    workspace.load(url)
    assert GET_EVENTS not in [request.route for request in server.requests[asked:]]
    assert multiset(workspace.events()) == multiset(events)
