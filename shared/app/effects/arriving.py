"""Whether a blob that was not complete is so now."""

from shared.app.effects.context import Context
from shared.core.actions import AfterLookAtBlob
from shared.core.attachment import BlobDescription


def look_at_blob(context: Context) -> AfterLookAtBlob:
    blob = context.source.present()
    if not isinstance(blob, BlobDescription):
        return blob
    return context.source.intake.judge(blob, context.entry)
