"""The plain script: the simplest program that attaches a file, as long as nothing fails.

It reads a blob range by range and PUTs each range to Graph, in one process, one after another. It has no ledger, queue,
claim, retry or check. The application is compared with it, to see what all of that costs.

    python -m bench.plain CONNECTION-STRING CONTAINER BLOB TASK-URL TOKEN
"""

import sys
from collections.abc import Sequence

import requests
from azure.storage.blob import BlobClient

from shared.core.ranges import MAX_SLICE_BYTES

# The same as the application's slices.
SLICE_BYTES = MAX_SLICE_BYTES


def graph_session(token: str) -> requests.Session:
    graph = requests.Session()
    graph.trust_env = False
    graph.headers["Authorization"] = f"Bearer {token}"
    return graph


def attach(blob: BlobClient, graph: requests.Session, task_url: str, name: str) -> None:
    """Attach *blob* under *name* to the task of *task_url*. Raises at the first error."""
    size = blob.get_blob_properties().size
    info = {"attachmentType": "file", "name": name, "size": size}
    opened = graph.post(f"{task_url}/attachments/createUploadSession", json={"attachmentInfo": info}, timeout=60)
    opened.raise_for_status()
    url = f"{opened.json()['uploadUrl']}/content"
    for start in range(0, size, SLICE_BYTES):
        stop = min(start + SLICE_BYTES, size)
        body = blob.download_blob(offset=start, length=stop - start).readall()
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        graph.put(url, data=body, headers=headers, timeout=60).raise_for_status()


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    storage, container, name, task_url, token = arguments
    with BlobClient.from_connection_string(storage, container, name) as blob, graph_session(token) as graph:
        attach(blob, graph, task_url, name.rpartition("/")[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
