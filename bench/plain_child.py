"""The plain script in a process of its own, which is kept warm: its connections stay open, as the worker's do.

stdin    a line {"storage", "container", "token"}, then per job a line {"blobs": [name, ...], "task_url"}
stdout   a line {"ready": true}, then per job a line {"done": true}
"""

import json
import sys

from azure.storage.blob import ContainerClient

from bench.plain import attach, graph_session


def main() -> None:
    setup = json.loads(sys.stdin.readline())
    with (
        ContainerClient.from_connection_string(setup["storage"], setup["container"]) as container,
        graph_session(setup["token"]) as graph,
    ):
        _say({"ready": True})
        for line in sys.stdin:
            job = json.loads(line)
            for name in job["blobs"]:
                attach(container.get_blob_client(name), graph, job["task_url"], name)
            _say({"done": True})


def _say(record: dict[str, object]) -> None:
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
