"""The views follow the warehouse that is there, not the one this machine remembers."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from dropbox_audit.demo import SimulatedDropbox
from support import Workspace, for_simulator, make_log

Serve = Callable[..., tuple[SimulatedDropbox, str]]


def test_views_come_back_after_the_file_was_deleted_and_after_an_early_backup_was_put_back(
    outside: Workspace, serve: Serve
) -> None:
    _, url = serve(make_log(30))
    environment = for_simulator(url)
    assert outside.run("load", **environment).returncode == 0
    backup = outside.folder / "backup"
    shutil.copy2(outside.path, backup)

    assert outside.run("run", **environment).returncode == 0
    assert outside.rows("select count(*) from dropbox_audit.events") == [(30,)]

    outside.path.unlink()
    assert outside.run("run", **environment).returncode == 0
    assert outside.rows("select count(*) from dropbox_audit.events") == [(30,)]

    shutil.copy2(backup, outside.path)
    assert outside.run("run", **environment).returncode == 0
    assert outside.rows("select count(*) from dropbox_audit.events") == [(30,)]
