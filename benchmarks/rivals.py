"""What a user would otherwise write, on the same 20,000 events.

Steady state is what 20,000 more events cost: the wall time of a process that reads 22,000 less that of one that reads
2,000, so that starting, importing, making tables and the fixed costs of a load package cancel out on both sides alike
and nothing has to be measured within anybody's process. Ours and the rival take turns, and each one's best at each size
counts. The whole process on the larger log stands beside it.
"""

import time
from pathlib import Path

from benchmarks.log import append, evenly
from benchmarks.log_server import serving
from benchmarks.product import Finished, Installation
from benchmarks.scale import Bench
from benchmarks.table import Row

FEW, MORE = 2_000, 20_000
_EVENTS_A_DAY = 5_000
_SLOW_TIMES, _FAST_TIMES = 2, 7
RIVALS = {
    "dlt_nested": ("dlt's nested-dict path", 8.0, _SLOW_TIMES),
    "dropbox_client": ("the official client, `executemany`", 10.0, _SLOW_TIMES),
    "grove_walk": ("Grove's walk, JSON lines", 1.0, _FAST_TIMES),
}
"""Each a script of this package, with what it is, how many times as fast we are to be, and how often it is measured."""


def rivals(bench: Bench) -> list[Row]:
    """How much faster a load is than what one would write oneself."""
    few, all_of_them = bench.count(FEW, 100), bench.count(FEW + MORE, 1100)
    with bench.scratch() as folder:
        logs = {count: folder / f"{count}.jsonl" for count in (few, all_of_them)}
        for count, log in logs.items():
            append(log, evenly(count, _EVENTS_A_DAY, int(time.time()) - 3600))
        with serving(logs[few]) as short, serving(logs[all_of_them]) as long:
            urls = [short.url, long.url]
            times = {name: _Times() for name in ["ours", *RIVALS]}
            for turn in range(bench.times(_FAST_TIMES)):
                for place, url in enumerate(urls):
                    for name, (_, _, most) in RIVALS.items():
                        if turn < bench.times(most):
                            times[name].note(place, _rival(name, folder / f"{name} {turn} {place}", url))
                    times["ours"].note(place, Installation(folder / f"ours {turn} {place}", url).run("load"))
    ours = times["ours"]
    rows = []
    for name, (what, goal, _) in RIVALS.items():
        ratio = times[name].difference / ours.difference
        rows.append(
            Row(
                f"{all_of_them - few:,} more events than {few:,}",
                f"{ours.difference:.2f} s (whole process {ours.whole:.2f} s)",
                f"{what}: {times[name].difference:.2f} s (whole process {times[name].whole:.2f} s)",
                ratio,
                f"≥ {goal:g}",
                ratio >= goal,
            )
        )
    return rows


class _Times:
    """Wall times on the short and on the long log."""

    def __init__(self) -> None:
        self._seconds: tuple[list[float], list[float]] = ([], [])

    def note(self, place: int, finished: Finished) -> None:
        self._seconds[place].append(finished.seconds)

    @property
    def whole(self) -> float:
        return min(self._seconds[1])

    @property
    def difference(self) -> float:
        # Where so little is read that chance decides, any small time will do.
        return max(self.whole - min(self._seconds[0]), 0.001)


def _rival(name: str, folder: Path, url: str) -> Finished:
    script = Path(__file__).parent / "rival_scripts" / f"{name}.py"
    return Installation(folder, url).python(str(script), url, str(folder / "output"))
