"""The team as it is, read once a day: members, licences, groups, devices, linked apps, quotas, shared links.

`listing.py` asks Dropbox, `rows.py` makes rows of what it answers, `snapshot.py` decides when, compares with the last
time and loads what is different.

A table of the directory holds a row when a record first shows, each time it changes, and one that says `is_gone` when
it is listed no more. What each record looked like at the last snapshot is kept on this machine; where that is not known
(a new machine, a restored backup) the snapshot is written whole, and `directory_snapshots.is_full` says so: whatever it
does not hold was gone by then. Shared links are read member by member over several runs: whenever a member's links
differ from the last time, all of them are written, and `directory_snapshots` has a row for that member.
"""

from dropbox_audit.directory.rows import RESOURCES, SCHEMAS, SNAPSHOTS

__all__ = ["RESOURCES", "SCHEMAS", "SNAPSHOTS"]
