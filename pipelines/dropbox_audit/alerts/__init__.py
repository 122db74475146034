"""Deliver what the view `alerts` holds and was not delivered before.

A route is a place that alerts go to. What was delivered to it is written down on this machine at once, and loaded into
`dropbox_raw.alert_deliveries` in the same run: a crash in between makes an alert arrive twice, never not at all, and
another machine knows what the first one has sent.

Which alerts are new takes no row for each that is not: per route it is known until when everything was looked through
(in dlt's state). What happened `alert_max_age` before that, or later, and is not in the ledger yet, is due. So a first
look at a long history sends the last day's alerts only, and a week without a run, or without the target, loses none.
"""
