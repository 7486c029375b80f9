"""Ids that look like Exchange's: long, case-sensitive, base64url with padding. The same inputs give the same id.

Layout after full-length samples: list id 120 characters, item id 152, attachment id 180 (the item's first 111 bytes,
a marker that reads `AAABEgAQ`, a zero and 16 bytes). Work accounts' ids begin `AAMk`, consumer accounts' `AQMk`, and
the owner's GUID follows in ASCII.
"""

import base64
import hashlib
import uuid

_ATTACHMENT_MARKER = bytes.fromhex("00000112001000")
_LIST_BYTES, _ITEM_BYTES, _ITEM_PREFIX_BYTES = 89, 113, 111


def object_id(upn: str) -> str:
    return str(uuid.UUID(bytes=_digest("user", upn.lower(), size=16), version=4))


def list_id(owner: str, name: str, *, personal: bool) -> str:
    return _folder_id("list", owner, name, personal=personal)


def session_id(owner: str, *parts: str, personal: bool) -> str:
    return _folder_id("session", owner, *parts, personal=personal)


def task_id(owner: str, *parts: str, personal: bool) -> str:
    head = _head(owner, personal=personal)
    return _text(head + _digest("task", owner, *parts, size=_ITEM_BYTES - len(head)))


def attachment_id(task: str, *parts: str) -> str:
    item = base64.urlsafe_b64decode(task)[:_ITEM_PREFIX_BYTES]
    return _text(item + _ATTACHMENT_MARKER + _digest("attachment", task, *parts, size=16))


def _folder_id(kind: str, owner: str, *parts: str, personal: bool) -> str:
    head = _head(owner, personal=personal)
    return _text(head + _digest(kind, owner, *parts, size=_LIST_BYTES - len(head)))


def _head(owner: str, *, personal: bool) -> bytes:
    return bytes((1 if personal else 0, 0x03, 0x24, 0x00)) + owner.encode("ascii")


def _digest(*parts: str, size: int) -> bytes:
    return hashlib.shake_128("\0".join(parts).encode("utf-8", "surrogatepass")).digest(size)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")
