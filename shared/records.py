"""What a step leaves in the log: facts an operator needs, chosen one by one, so that no secret can slip in."""

from shared.ledger import Entry
from shared.observations import Observation
from shared.upload import Action, SendSlice


def describe_step(
    before: Entry, after: Entry, action: Action, observation: Observation | None
) -> dict[str, str | int | float]:
    """The fields of a `step` record. Times in seconds, sizes in bytes."""
    fields: dict[str, str | int | float] = {
        "upload_id": before.upload_id,
        "step": before.step,
        "phase": before.phase,
        "action": type(action).__name__,
        "seen": type(observation).__name__ if observation is not None else "",
        "next_phase": after.phase,
        "offset": after.offset,
        "size": after.size,
    }
    if isinstance(action, SendSlice):
        fields["range_start"], fields["range_stop"] = action.range.start, action.range.stop
    if after.reason:
        fields["reason"] = after.reason
    if after.detail:
        fields["detail"] = after.detail
    if after.phase.is_terminal and not before.phase.is_terminal:
        fields["attachment_id"] = after.attachment_id
    return fields
