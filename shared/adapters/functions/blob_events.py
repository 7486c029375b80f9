"""The host's own message about a blob event, as it lies on the poison queue of blob events.

The host writes it in Base64, whatever `messageEncoding` in host.json says (seen on a real host), and this app's queues
are read as they are: so it is decoded here. Several apps may share the queue: it belongs to the storage account.
"""

import base64
import binascii
import json

from shared.errors import MessageError

_LONGEST_NAME = 1024  # of a blob, by the service's own rule


def blob_of(body: bytes, container: str) -> str:
    """The name of the blob in *container* that the event was about.

    Raises MessageError for what is no such message, and for one about another container.
    """
    try:
        # Plain JSON is taken too: a host that obeyed host.json would write it.
        text = body if body.lstrip().startswith(b"{") else base64.b64decode(body, validate=True)
        event = json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise MessageError("a blob event that cannot be read") from error
    if not isinstance(event, dict):
        raise MessageError("a blob event that is not a JSON object")
    name, of = event.get("BlobName"), event.get("ContainerName")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
        raise MessageError("a blob event that names no blob")
    if of != container:
        raise MessageError("a blob event of another container")
    return name
