"""What a poll costs: with nothing new, and with a thousand new events onto little and much.

A quiet poll takes turns with a process that only imports dlt and duckdb; medians count. Polls with news go round the
warehouses of all sizes (`benchmarks.warehouse`), so that whatever else the machine does meets all of them; the first
round, in which dbt reads its project anew and files are cold, does not count.
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.product import Finished
from benchmarks.scale import Bench
from benchmarks.table import Row
from benchmarks.warehouse import SIZES, standing

NEW_EVENTS = 1_000
_QUIET_TIMES = 9
_NEWS_TIMES = 5
_SMALLEST, *_, _LARGEST = SIZES


def quiet(bench: Bench) -> list[Row]:
    """A poll that finds nothing new, which does not touch the warehouse, so that its size does not matter."""
    with standing(bench, _SMALLEST) as warehouse:
        installation, served = warehouse.installation, warehouse.served
        dbt_log = installation.folder / "logs" / "dbt.log"
        built, _ = dbt_log.stat().st_mtime_ns, served.requests()
        times = bench.times(_QUIET_TIMES)
        polls, imports = [], []
        for _ in range(times):
            polls.append(installation.run("run").seconds)
            imports.append(installation.python("-c", "import dlt, duckdb").seconds)
        requests = served.requests() / times
        is_dbt_started = dbt_log.stat().st_mtime_ns != built
    ratio = median(polls) / median(imports)
    return [
        Row(
            "`run`, nothing new",
            f"{median(polls):.2f} s, {requests:g} request{'s' if requests != 1 else ''}, "
            f"dbt {'started' if is_dbt_started else 'not started'}",
            f"`import dlt, duckdb`: {median(imports):.2f} s",
            ratio,
            "≤ 1.5, 1 request, no dbt",
            ratio <= 1.5 and requests == 1 and not is_dbt_started,
        )
    ]


@dataclass(frozen=True)
class _Poll:
    """Where the time of one poll goes, in seconds."""

    whole: float
    transform: float
    dbt: float
    """From when dbt had read its project to when it was done."""
    nodes: dict[str, dict[str, float]]
    """What each model and each test took, by kind and name."""

    @classmethod
    def of(cls, finished: Finished, folder: Path) -> "_Poll":
        said = json.loads(finished.output)
        ran = json.loads((folder / "target" / "run_results.json").read_bytes())
        nodes: dict[str, dict[str, float]] = {}
        for result in ran["results"]:
            kind, _, name, *_ = result["unique_id"].split(".")
            nodes.setdefault(kind, {})[name] = result["execution_time"]
        return cls(finished.seconds, said["transform"]["seconds"], ran["elapsed_time"], nodes)


def news(bench: Bench) -> list[Row]:
    """A poll that finds a thousand new events, onto each of the sizes."""
    events = bench.count(NEW_EVENTS, 10)
    polls: dict[str, list[_Poll]] = {name: [] for name in SIZES}
    with contextlib.ExitStack() as stack:
        warehouses = {name: stack.enter_context(standing(bench, name)) for name in SIZES}
        times = bench.times(_NEWS_TIMES)
        for turn in range(times if times == 1 else 1 + times):
            for name, warehouse in warehouses.items():
                poll = _Poll.of(warehouse.poll(events), warehouse.installation.folder)
                if turn > 0 or times == 1:
                    polls[name].append(poll)
    least = median(poll.whole for poll in polls[_SMALLEST])
    rows = []
    for name in SIZES:
        whole = median(poll.whole for poll in polls[name])
        is_judged = name == _LARGEST
        rows.append(
            Row(
                f"`run`, {events:,} new events onto {name}",
                _described(polls[name]),
                f"onto {_SMALLEST}: {least:.2f} s",
                whole / least,
                "≤ 1.3" if is_judged else "",
                whole / least <= 1.3 if is_judged else None,
            )
        )
    return rows


def _described(polls: list[_Poll]) -> str:
    whole, transform, dbt = (median(getattr(poll, name) for poll in polls) for name in ("whole", "transform", "dbt"))
    kinds = ", ".join(f"{kind}s {_described_nodes(polls, kind)}" for kind in polls[0].nodes)
    return (
        f"{whole:.2f} s: load {whole - transform:.2f}, dbt start {transform - dbt:.2f}, "
        f"build {dbt:.2f}; in its threads {kinds}"
    )


def _described_nodes(polls: list[_Poll], kind: str) -> str:
    seconds = {name: median(poll.nodes[kind].get(name, 0.0) for poll in polls) for name in polls[0].nodes[kind]}
    slowest = max(seconds, key=lambda name: seconds[name])
    return f"{sum(seconds.values()):.2f} (most: {slowest} {seconds[slowest]:.2f})"
