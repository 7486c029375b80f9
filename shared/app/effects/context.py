"""What an effect works with: the entry, and the outside world as this entry may use it."""

from dataclasses import dataclass

from shared.app.effects.graph_calls import GraphCalls
from shared.app.effects.held_claim import HeldClaim
from shared.app.effects.source import Source
from shared.app.pacing import Pacing
from shared.app.sign_in_line import SignInLine
from shared.core import observations as seen
from shared.core.entry import Entry
from shared.graph.request import is_within
from shared.ports import AccountUploads, Blobs, Ledger

# The token must not go to a session that was opened when another Graph root was configured.
ELSEWHERE = "the session belongs to another Graph host than the configured one"


@dataclass(frozen=True, slots=True)
class Context:
    """One action for one claimed entry. *names_others*: whether a rejection names other lists and tasks."""

    entry: Entry
    graph: GraphCalls
    source: Source
    ledger: Ledger
    blobs: Blobs
    claim: HeldClaim
    names_others: bool
    pacing: Pacing
    sign_in_line: SignInLine
    account_uploads: AccountUploads | None

    def session_url(self) -> str | None:
        """The open session's URL; None where it is not on the configured Graph host."""
        url = self.entry.open_session.url
        return url if is_within(url, self.graph.root) else None

    def owned[Other](
        self, observation: seen.Attached | Other, account: str
    ) -> seen.Attached | seen.LandedUnderOwnedId | Other:
        """Make this upload the owner of an attachment that Graph reports. Where another upload is, it is not ours.

        An attachment counts only once the ledger has its owner, so that no two uploads report the same attachment.
        """
        if not isinstance(observation, seen.Attached):
            return observation
        owner = self.ledger.own_attachment(account, observation.attachment_id, self.entry.upload_id)
        return observation if owner == self.entry.upload_id else seen.LandedUnderOwnedId()
