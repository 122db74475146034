"""dlt's own way with nested data: a resource that yields the events as dicts. Usage: API_URL DUCKDB_FILE."""

import sys
from collections.abc import Iterator

import dlt
from dlt.sources.helpers import requests


@dlt.resource(name="events", write_disposition="append")
def events(url: str) -> Iterator[list[dict[str, object]]]:
    answer = requests.post(f"{url}/2/team_log/get_events", json={"limit": 1000}).json()
    while True:
        yield answer["events"]
        if not answer["has_more"]:
            return
        answer = requests.post(f"{url}/2/team_log/get_events/continue", json={"cursor": answer["cursor"]}).json()


if __name__ == "__main__":
    url, path = sys.argv[1:]
    pipeline = dlt.pipeline("nested", destination=dlt.destinations.duckdb(path), dataset_name="dropbox")
    pipeline.run(events(url))
