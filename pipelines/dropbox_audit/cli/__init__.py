"""The command line: parse, call, print. Everything else lives in the modules it calls.

Imports are inside the commands on purpose: a poll that finds nothing should cost little more than starting Python.
"""

# In the order in which `--help` lists them.
from dropbox_audit.cli import loading, alerting, setting_up, looking, assisting  # isort: skip
from dropbox_audit.cli.common import app, command, main

__all__ = ["alerting", "app", "assisting", "command", "loading", "looking", "main", "setting_up"]
