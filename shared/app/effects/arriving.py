"""Whether a blob that its sender had not finished writing is complete now."""

from shared.app.effects.context import Context
from shared.core.actions import AfterLookAtBlob
from shared.core.attachment import BlobDescription


def look_at_blob(context: Context) -> AfterLookAtBlob:
    blob = context.source.present()
    if not isinstance(blob, BlobDescription):
        return blob
    return context.source.intake.judge(blob, context.entry)
