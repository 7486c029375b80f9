"""The other uploads of the blob's name: whose account the name belongs to, and whether one has attached this very file.

All of it only reads, except that `take` writes the name's row. So it can be done again from the start after a death.
"""

from collections.abc import Sequence
from dataclasses import replace

from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.blob_name import (
    OF_ANOTHER,
    ids_being_removed,
    is_same_account,
    is_same_target,
    is_taken,
    must_slow_down,
    name_key,
    newest_first,
    replaced_by,
    rewrites,
    worth_remembering,
)
from shared.core.content import is_whole, piece_of
from shared.core.entry import Entry, MayHaveLanded, Phase
from shared.graph import listings
from shared.graph.reply import GraphReply

type _NotRead = seen.Deferred | seen.Refused | seen.BlobLost
type _NotAsked = seen.Refused | seen.TargetMissing | seen.TryAgain | seen.BlobLost


def take(context: Context) -> tuple[str, ...] | seen.OftenRewritten | _NotRead:
    """Let the blob's name remember this upload. Returns the ids of its other uploads, or what prevents that."""
    ledger, entry = context.ledger, context.entry
    key = name_key(entry.blob)
    known = ledger.uploads_of(key, entry.upload_id)
    ids = tuple(each for each in known.uploads if each != entry.upload_id)
    others = _entries(context, ids)
    kept_from = _kept_from(context, others)
    if kept_from is not None:
        return kept_from
    if entry.upload_id not in known.uploads:
        remembered = (other.upload_id for other in worth_remembering(others))
        if not ledger.remember(key, known, (entry.upload_id, *remembered)):
            # This upload must look at that one before it takes the name.
            return seen.Deferred("another upload of this blob came at the same moment")
    versions = rewrites(others)
    return seen.OftenRewritten(versions) if must_slow_down(entry, versions) else ids


def look_back(
    context: Context, resolved: seen.Resolved, *, slot_was_anothers: bool
) -> seen.Resolved | seen.AlreadyAttached | seen.SlotHeld | _NotAsked:
    """What the other uploads of the name mean for this one, whose list and task are known and which holds its slot."""
    # There is no older upload, and the blob was this version when this upload took the name, or when its turn came.
    # That may be minutes ago, since Graph or this worker may be slow. But if a newer upload has attached the file
    # since, it held the slot before this one.
    if not context.entry.older and context.entry.step == 0 and not slot_was_anothers:
        return resolved
    # If the blob was written again meanwhile, this version cannot be read any more: open no session for it.
    if (lost := context.source.lost()) is not None:
        return lost
    # Read anew: while this upload waited for the slot, another one may have attached the file.
    others = _entries(context, context.entry.older or ())
    same = [each for each in others if is_same_target(each, resolved.list_id, resolved.task_id)]
    targeted = _of_same_person(context, same)
    if not isinstance(targeted, list):
        return targeted
    if (under_way := _under_way(targeted, resolved.slot)) is not None:
        return under_way
    attached = _already_attached(context, targeted)
    if attached is not None:
        return attached
    in_doubt = _may_have_landed(context, targeted, resolved.slot)
    if in_doubt is not None and not isinstance(in_doubt, MayHaveLanded):
        return in_doubt
    return replace(
        resolved,
        rewrites=rewrites(others),
        may_be_of=in_doubt,
        replaces=replaced_by(context.entry, targeted, within=context.source.intake.limits.replace_within),
    )


def _entries(context: Context, ids: tuple[str, ...]) -> list[Entry]:
    stored = (context.ledger.get(each) for each in ids)
    return newest_first(each.entry for each in stored if each is not None)


# -- whose the name is --


def _kept_from(context: Context, others: Sequence[Entry]) -> _NotRead | None:
    """What keeps this upload from the name: an upload for another account, to which the file may belong."""
    for number, other in enumerate(others):
        ours = _is_same_person(context, other)
        if isinstance(ours, seen.Deferred):
            return ours
        if ours or (other.phase is Phase.SUPERSEDED and number > 0):
            continue
        if is_taken(other, is_newest=number == 0):
            return OF_ANOTHER
        same = _has_same_content(context, other)
        if not isinstance(same, bool | None):
            return same
        # It may be the same file: it stays with the account that it was first put for.
        if same is not False:
            return OF_ANOTHER
    return None


def _of_same_person(context: Context, others: Sequence[Entry]) -> list[Entry] | seen.Deferred:
    ours = []
    for other in others:
        is_ours = _is_same_person(context, other)
        if isinstance(is_ours, seen.Deferred):
            return is_ours
        if is_ours:
            ours.append(other)
    return ours


def _is_same_person(context: Context, other: Entry) -> bool | seen.Deferred:
    return is_same_account(context.entry, other) or context.graph.is_same_person(other.account)


# -- whether the file is attached --


def _under_way(targeted: Sequence[Entry], slot: str) -> seen.SlotHeld | seen.NeedsSignIn | None:
    """Wait for a live upload of this blob's name to this task. Its attachment has another name, hence another slot.

    Only when it has ended is it known what it attached, and which older attachment it took the place of.
    """
    live = [other for other in targeted if not other.phase.is_terminal]
    if any(other.phase is Phase.WAITING for other in live):
        return seen.NeedsSignIn("another upload of this name waits for it")
    return seen.SlotHeld(slot, is_own=True) if live else None


def _already_attached(context: Context, targeted: Sequence[Entry]) -> seen.AlreadyAttached | _NotAsked | None:
    being_removed = ids_being_removed(targeted)
    for other in targeted:
        if other.phase is not Phase.ATTACHED or other.attachment_name != context.entry.attachment_name:
            continue
        if other.attachment_id in being_removed:
            continue
        same = _is_this_file(context, other)
        if not isinstance(same, bool):
            return same
        # A person who removed the attachment in To Do, and puts the file again, gets it again.
        stands = _stands(context, other) if same and other.attachment_id else same
        if not isinstance(stands, bool):
            return stands
        if stands:
            return seen.AlreadyAttached(
                other.list_id, other.task_id, other.attachment_id, other.attached_at, other.detail
            )
    return None


def _may_have_landed(
    context: Context, targeted: Sequence[Entry], slot: str
) -> MayHaveLanded | seen.SlotHeld | _NotRead | None:
    for other in targeted:
        if not other.may_have_landed or other.attachment_name != context.entry.attachment_name:
            continue
        same = _has_same_content(context, other)
        if not isinstance(same, bool | None):
            return same
        if same is not False:
            # While the session of *other* is open, its file may still land: a later step of *other* cancels it.
            # If *other* opened none, it has attached nothing: it only searched for the attachment of an older upload.
            whose = other.upload_id if other.sessions_opened else other.may_be_of or other.upload_id
            landed = MayHaveLanded(whose, other.first_opened_at)
            return landed if not other.session else seen.SlotHeld(slot, is_own=True)
    return None


def _is_this_file(context: Context, other: Entry) -> bool | _NotAsked:
    """Whether *other*, which is attached, has the content of this version."""
    same = _has_same_content(context, other)
    if same is not None or not other.attachment_id:
        return False if same is None else same
    # The entry's pieces have a gap, because a worker died. Graph has the whole file.
    theirs = _value(context, other)
    if not isinstance(theirs, str):
        return theirs
    ours = context.source.sha256(size=context.entry.size, slice_bytes=context.entry.slice_bytes)
    return ours == theirs if isinstance(ours, str) else ours


def _has_same_content(context: Context, other: Entry) -> bool | _NotRead | None:
    """Whether the blob, as it is now, has the content of *other*; None where its pieces do not cover the whole file."""
    if other.size != context.entry.size:
        return False
    for piece in other.content:
        body = context.source.read(piece.part)
        if not isinstance(body, bytes):
            return body
        if piece_of(piece.part, body) != piece:
            return False
    return True if is_whole(other.content, other.size) else None


def _stands(context: Context, other: Entry) -> bool | _NotAsked:
    graph = context.graph
    listed = graph.pages(graph.list_attachments_of(other.list_id, other.task_id), listings.parse_attachments)
    if not isinstance(listed, list):
        return listed
    if any(each.id == other.attachment_id for each in listed):
        return True
    # A listing may lag behind.
    theirs = _value(context, other)
    return bool(theirs) if isinstance(theirs, str) else theirs


def _value(context: Context, other: Entry) -> str | _NotAsked:
    """The SHA-256 of the attachment of *other*; empty where it is gone."""
    graph = context.graph
    reply = graph.ask(listings.prepare_value(graph.mailbox, other.list_id, other.task_id, other.attachment_id))
    return listings.parse_value(reply) if isinstance(reply, GraphReply) else reply
