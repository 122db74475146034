"""A process with everything imported that forks a child for each order; the child runs `dropbox-audit`, and may die.

A script. Each line on stdin is an order, as JSON: `arguments`, `folder` (to work in), `environment`, and `plan`, which
is what the child does to itself:

* `{"watch": "points"}`: note every point; `{"kill": "points", "at": 7}`: die by SIGKILL before the 7th is
  done. A point is a moment at which something on disk becomes something else for whoever comes
  next: a file is moved, a tree is removed, a statement or a commit reaches DuckDB, a package is completed.
* `{"watch": "calls"}`, `{"kill": "calls", "at": 123456}`: the same for every call of a Python function, in any thread.
* `{"full": "dlt:Pipeline.normalize", "bytes": 100}`: from the first call of that function on, no file can grow
  beyond so many bytes: what a full disk does, but the same on every machine.

The answer to an order is one line of JSON: `code` (negative: the signal that ended the child), `stdout`, `stderr`, and
what was watched: `points`, the names of the points in order, or `calls`, their number.

The process has one thread when it forks, so no child inherits a lock that somebody holds.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

# What a load imports, also late and in the libraries' own functions.
MODULES = """
dlt dlt._workspace.cli._plugins dlt.common.libs.pyarrow dlt.common.libs.sql_alchemy_compat
dlt.destinations.impl.duckdb.duck dlt.destinations.impl.duckdb.sql_client dlt.extract.extract dlt.load.load
dlt.normalize.items_normalizers dlt.normalize.normalize dlt.sources.helpers.requests dropbox_audit.cli
dropbox_audit.load dropbox_audit.transform duckdb netrc pendulum.locales.en.locale pyarrow.compute pyarrow.parquet
pydantic.fields pydantic.json_schema pytz typer._adapters typer._click.decorators
"""

Finish = Callable[[], dict[str, Any]]
"""Called when the command has ended by itself; gives what was watched."""


def main() -> None:
    """Serve orders until stdin ends."""
    for name in MODULES.split():
        importlib.import_module(name)
    assert threading.active_count() == 1
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryFile() as watched:
            pipes = [os.pipe(), os.pipe()]
            child = os.fork()
            if child == 0:
                _run(order, [write for _, write in pipes], watched.fileno())
            texts = [_read(pipe) for pipe in pipes]
            _, status = os.waitpid(child, 0)
            watched.seek(0)
            seen = json.loads(watched.read() or b"{}")
        answer = {"code": os.waitstatus_to_exitcode(status), "stdout": texts[0], "stderr": texts[1], **seen}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _read(pipe: tuple[int, int]) -> str:
    """All that a child wrote. It is little, so one pipe cannot fill up while the other is read."""
    read, write = pipe
    os.close(write)
    with os.fdopen(read, errors="replace") as file:
        return file.read()


def _run(order: dict[str, Any], outputs: list[int], watched: int) -> NoReturn:
    """One order, in the child."""
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, *outputs)):
        os.dup2(file, number)
    os.closerange(3, watched)
    os.closerange(watched + 1, 256)

    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    Container()[PluggableRunContext].reload_providers()
    finish = _follow(order["plan"])
    sys.argv = ["dropbox-audit", *order["arguments"]]
    code: Any = 0
    try:
        from dropbox_audit.cli import main as command

        command()
    except SystemExit as error:
        code = error.code
    seen = finish()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(watched, json.dumps(seen).encode())
    os._exit(code or 0)


def _follow(plan: dict[str, Any]) -> Finish:
    if "full" in plan:
        return _fill_disk(plan["full"], plan["bytes"])
    what = plan.get("watch") or plan.get("kill")
    follow = {"points": _follow_points, "calls": _follow_calls}.get(str(what))
    return follow(plan.get("at", 0)) if follow else dict


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # a signal needs a moment to arrive; nothing else may happen until then


def _follow_calls(last: int) -> Finish:
    numbers = itertools.count(1)  # one step for the interpreter, so threads need no lock

    def see(_frame: Any, _event: str, _argument: Any) -> None:
        if next(numbers) == last:
            _die()

    # A tracer that answers None is called for calls only, which costs less than a profiler.
    threading.settrace(see)
    sys.settrace(see)

    def finish() -> dict[str, Any]:
        sys.settrace(None)
        return {"calls": next(numbers)}

    return finish


def _follow_points(last: int) -> Finish:
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
    from dlt.load.load import Load

    lock = threading.Lock()
    names: list[str] = []

    def watched(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*arguments: Any, **options: Any) -> Any:
            subject = " ".join(str(a) for a in arguments if isinstance(a, str | Path)).strip()
            if subject.startswith(("SELECT", "select")):
                return original(*arguments, **options)
            with lock:
                names.append(f"{name} {subject[:300]}")
                number = len(names)
            if number == last:
                _die()
            return original(*arguments, **options)

        return call

    for owner, name in (
        (os, "rename"),
        (os, "replace"),
        (shutil, "rmtree"),
        (DuckDbSqlClient, "execute_query"),
        (DuckDbSqlClient, "commit_transaction"),
        (Load, "complete_package"),
    ):
        setattr(owner, name, watched(f"{owner.__name__}.{name}", getattr(owner, name)))
    return lambda: {"points": names}


def _fill_disk(where: str, size: int) -> Finish:
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original = getattr(owner, name)

    @functools.wraps(original)
    def full(*arguments: Any, **options: Any) -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        return original(*arguments, **options)

    setattr(owner, name, full)

    def finish() -> dict[str, Any]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return {}

    return finish


if __name__ == "__main__":
    main()
