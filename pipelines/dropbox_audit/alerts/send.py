"""Hand a message to a route's target, through Apprise."""

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dropbox_audit.alerts.message import Message
from dropbox_audit.alerts.routes import Route, RoutesError
from dropbox_audit.errors import Stopped
from dropbox_audit.wording import one_line

_TIMEOUT = 20.0
_GRACE = 3.0
"""Seconds that a message on its way may still take once a signal has asked the run to end."""
_TYPES = {"critical": "failure", "high": "failure", "medium": "warning"}

Send = Callable[[Route, Message], str | None]
"""Hands a message over and returns None, or why it was not taken."""


@dataclass
class Sender:
    """Sends through Apprise, one message after the other.

    Args:
        stop: the event that ends waiting for a target.
    """

    stop: threading.Event
    _services: dict[str, Any] = field(default_factory=dict)

    def _prepare(self, route: Route) -> None:
        """Let Apprise read the address; raises `RoutesError` where it cannot make anything of it."""
        if route.name in self._services:
            return
        # Takes long to import for a poll that has nothing to send.
        from apprise import Apprise, AppriseAsset, OverflowMode

        asset = AppriseAsset(
            app_id="dropbox-audit",
            app_desc="Alerts of a Dropbox team",
            async_mode=False,
            # Nothing about a route is written to the disk.
            storage_mode="memory",
            service_timeout=_TIMEOUT,
            interpret_emojis=False,
        )
        service = Apprise.instantiate(route.url, asset=asset)
        if service is None:
            raise RoutesError(
                f"The alert route {route.name} has a url that Apprise cannot use: write it as its documentation of "
                "the target says, and install what that needs."
            )
        if "overflow=" not in route.url:
            # A second page would be a second incident, or another text message; what matters comes first.
            service.overflow_mode = OverflowMode.TRUNCATE
        sender = Apprise(asset=asset)
        sender.add(service)
        self._services[route.name] = sender

    def __call__(self, route: Route, message: Message) -> str | None:
        """Hand it over; returns None, or in one line why it was not taken.

        Raises:
            Stopped: while the target kept us waiting; whether it took the message is not known.
            RoutesError: Apprise cannot make anything of the address.
        """
        self._prepare(route)
        outcome: list[str | None] = []

        def work() -> None:
            outcome.append(self._hand_over(route, message))

        # Where a target does not answer, a signal must not wait for it.
        thread = threading.Thread(target=work, name="alert", daemon=True)
        thread.start()
        patience = _TIMEOUT + 2 * _GRACE
        while thread.is_alive() and patience > 0:
            thread.join(0.1)
            patience = min(patience, _GRACE) - 0.1 if self.stop.is_set() else patience - 0.1
        if outcome:
            return outcome[0]
        if self.stop.is_set():
            raise Stopped("stopped while delivering alerts; the next run delivers the rest")
        return "it did not answer"

    def _hand_over(self, route: Route, message: Message) -> str | None:
        from apprise import NotifyFormat

        try:
            with contextlib.closing(
                self._services[route.name].notify(
                    title=message.title,
                    body=message.body,
                    notify_type=_TYPES.get(message.severity, "info"),
                    # It is escaped for what the target takes.
                    body_format=NotifyFormat.TEXT,
                )
            ) as result:
                if result:
                    return None
                said = [entry.message for entry in result.logs() if entry.level in {"WARNING", "ERROR", "CRITICAL"}]
        except Exception as error:
            said = [type(error).__name__]
        reason = one_line(said[0] if said else "the target did not take it")
        # Not even whose machine it is.
        host = urlsplit(route.url).hostname
        if host:
            reason = re.sub(re.escape(host), "the target", reason, flags=re.IGNORECASE)
        return reason[:200].rstrip(".")
