"""Build the dlt pipeline from configuration and run it in bounded batches.

A batch is one load package: at most `max_pages_per_batch` pages together with the cursors of their walks. Before each
load (and before extracting, where the warehouse is a local file) the state stored in the warehouse must be the one
that this run began from. It is not after a backup was put back, or when another machine was faster: then the package
is dropped, the state is restored from the warehouse and reading starts again from there.

Every run leaves a record, a failed one too. Records wait in the journal and travel with the next package; after a
failure they are sent off at once where the warehouse is a file, because asking it costs nothing.
"""

from dropbox_audit.load.loader import Loader, Window
from dropbox_audit.load.packages import DEMO_PIPELINE_NAME, PIPELINE_NAME
from dropbox_audit.load.record import LoadResult, RunRecord

__all__ = ["DEMO_PIPELINE_NAME", "PIPELINE_NAME", "LoadResult", "Loader", "RunRecord", "Window"]
