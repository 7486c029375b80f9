"""Reads the message that the host puts into its poison queue of blob events.

The host writes it in Base64, whatever `messageEncoding` in host.json says (seen on a real host). This app's queue
triggers get messages undecoded, so it is decoded here. The queue belongs to the storage account, and several apps may
share it.
"""

import base64
import binascii
import json

from shared.errors import MessageError

_LONGEST_NAME = 1024  # of a blob, by the service's own rule


def blob_of(body: bytes, container: str) -> str:
    """The name of the blob in *container* that the event was about.

    Raises MessageError for a message of another form, and for an event of another container.
    """
    try:
        # Plain JSON is accepted too: a host that obeyed host.json would write it.
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
