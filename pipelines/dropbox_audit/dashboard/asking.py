"""Answers for the pages: each question goes through the warehouse's read-only door, and is remembered for a while."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from dropbox_audit import local
from dropbox_audit.errors import DropboxAuditError
from dropbox_audit.load import DEMO_PIPELINE_NAME, PIPELINE_NAME
from dropbox_audit.warehouse import RAW_DATASET, Door, Target, open_door, require_views

P = ParamSpec("P")
T = TypeVar("T")

_REMEMBERED_SECONDS = 60

_targets: list[Target] = []


def use(target: Target) -> None:
    """From now on the pages of this process read this warehouse."""
    _targets[:] = [target]


def target() -> Target:
    """The warehouse that the pages read."""
    return _targets[0]


def get(question: Callable[Concatenate[Door, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a question of `queries` answers, a minute old at most; trouble is told in plain words and ends the page."""
    name = f"{question.__module__}.{question.__qualname__}"
    try:
        # A file that nobody has written since gives the same answer, so looking again costs nothing.
        answer: T = _answer(question, name, target().location, target().mark(), args, kwargs)
    except DropboxAuditError as error:
        st.error("The warehouse cannot be read just now.", icon=":material/error:")
        st.text(str(error))
        st.stop()
    return answer


def last_poll() -> datetime | None:
    """When a run of this machine last asked Dropbox: what found nothing is recorded here first, for hours."""
    newest = None
    for name in (PIPELINE_NAME, DEMO_PIPELINE_NAME):
        folder = local.warehouse_dir(name, target().destination, RAW_DATASET, target().location)
        for run in local.Journal(folder).runs().values():
            if run["outcome"] in {"loaded", "nothing_new"} and run.get("finished_at"):
                newest = max(filter(None, (newest, datetime.fromisoformat(str(run["finished_at"])))))
    return newest


@st.cache_data(ttl=_REMEMBERED_SECONDS, max_entries=500, show_spinner=False)
def _answer(
    _question: Callable[..., Any],
    name: str,  # noqa: ARG001
    location: str,  # noqa: ARG001
    mark: list[int] | None,  # noqa: ARG001
    args: Any,
    kwargs: Any,
) -> Any:
    # Remembered by its name and not by its code; all that has no underscore tells one answer from another.
    with open_door(target()) as door:
        require_views(door, target())
        return _question(door, *args, **kwargs)
