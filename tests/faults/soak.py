"""Kill loads from outside at any moment, again and again: `make soak KILLS=300 SEED=7`.

The same promise as in test_killed.py, with other means: SIGKILL after a random time, which also reaches what no Python
function can be hooked into, such as DuckDB's own writing. Ends at the first broken promise; the seed and the number of
the kill say which one, as far as a clock can repeat anything.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from doomed import Team, Zygote, new_team
from dropbox_audit.demo import SimulatedDropbox, running
from test_killed import FirstLoad, History, Poll

KILLS_PER_TEAM = 20


def main() -> None:
    kills = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1_000_000)
    say(f"{kills} kills, seed {seed}")
    rng = random.Random(seed)
    zygote = Zygote()
    done = hits = 0
    while done < kills:
        scene = rng.choice([FirstLoad(), History(), Poll()])
        server = SimulatedDropbox(scene.log())
        with tempfile.TemporaryDirectory() as folder, running(server) as url:
            team = new_team(zygote, server, url, Path(folder) / "team", **scene.settings)
            scene.prepare(team)
            for _ in range(min(KILLS_PER_TEAM, kills - done)):
                team.let_arrive(rng.randrange(6))
                hits += kill_one(team, rng)
                done += 1
                if rng.random() < 0.6:
                    team.let_arrive(rng.randrange(1, 3))
                    team.check(f"{type(scene).__name__}, kill {done} of seed {seed}")
            team.check(f"{type(scene).__name__}, kill {done} of seed {seed}")
        say(f"{done} of {kills}: {hits} met a run at work, nothing lost, nothing twice")
    zygote.close()


def say(sentence: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def kill_one(team: Team, rng: random.Random) -> bool:
    """Start a load and kill it within a few seconds; whether it was still at work."""
    process = team.workspace.start("load", "--json", **team.environment)
    # The first half second goes by with imports.
    time.sleep(0.5 + rng.random() ** 2 * 3)
    process.kill()
    stdout, stderr = process.communicate()
    if process.returncode == 0:
        team.note_success(stdout)
    assert "Traceback" not in stderr, stderr
    return process.returncode != 0


if __name__ == "__main__":
    main()
