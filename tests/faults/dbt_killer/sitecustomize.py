"""With this folder on PYTHONPATH, dbt is killed before the statement that `DOOM` names, and who runs it as well.

`DOOM=<who>:<ordinal>`: `dbt`, `parent` or `both`; which statement of the DuckDB adapter, from 1. `DOOM=count:<file>`
writes their number into a file instead.
"""

import atexit
import itertools
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def _arm(who: str, argument: str) -> None:
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

    numbers = itertools.count(1)
    execute = DuckDBCursorWrapper.execute

    def doomed(self: Any, sql: str, bindings: Any = None) -> Any:
        if next(numbers) == ordinal:
            if who in {"parent", "both"}:
                os.kill(os.getppid(), signal.SIGKILL)
            if who in {"dbt", "both"}:
                os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()
        return execute(self, sql, bindings)

    ordinal = 0
    if who == "count":
        atexit.register(lambda: Path(argument).write_text(str(next(numbers) - 1)))
    else:
        ordinal = int(argument)
    DuckDBCursorWrapper.execute = doomed


if "DOOM" in os.environ and any("dbt.cli.main" in argument for argument in sys.orig_argv):
    _arm(*os.environ["DOOM"].split(":", 1))
