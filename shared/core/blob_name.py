"""Whose a blob's name is: the account of the last upload under it.

Whoever may edit a blob's metadata, or commit its blocks again, can point it to their own To Do without being able to
read it. So the file under a name is not attached for another account than the one that it was for, unless it is another
file.
"""

import hashlib

from shared.core.account_name import ascii_lower
from shared.core.attachment import BlobVersion
from shared.core.entry import Entry, Phase, Reason
from shared.core.observations import Refused

OF_ANOTHER = Refused(
    Reason.OTHER_ACCOUNT, "a file of this name was put for another account: put yours under another name"
)


def name_slot(blob: BlobVersion) -> str:
    """The slot that the last upload under the blob's name holds: 32 hex digits."""
    text = f"name\0{blob.storage_account}\0{blob.container}\0{blob.name}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def may_follow(last: Entry, entry: Entry) -> bool:
    """Whether *entry* may be attached under the name that *last* was put under.

    What an upload that has not ended reads, or would have read, is not given to another account; one that was
    superseded has not ended in that sense, since its file is what the newer write was made of. After an end, another
    account gets what is certainly another file: one of another size. The bytes of the former version cannot be read
    any more, so of two files of one size nothing can be said.
    """
    if ascii_lower(last.account) == ascii_lower(entry.account):
        return True
    return last.phase.is_terminal and last.phase is not Phase.SUPERSEDED and last.size != entry.size
