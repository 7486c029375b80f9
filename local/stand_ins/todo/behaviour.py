"""One switch for each thing that Graph's reference leaves open, or about which it contradicts itself.

The defaults are what the reference documents. docs/GRAPH_BEHAVIOUR.md has a fact for each switch; a number in brackets
is that of an open question there. A correct client succeeds with every value of every switch.
"""

from dataclasses import dataclass
from typing import Literal

type Casing = Literal["camel", "pascal"]

# open "0-", start "2097152", closed "0-99", several: two ranges with the later one first, missing: no such key.
type RangeShape = Literal["open", "start", "closed", "several", "missing"]

# inner_error as seen live, innererror as on the OData page; gateways add pages and nothing at all.
type ErrorForm = Literal["inner_error", "innererror", "no_inner_error", "empty_message", "html", "empty"]

type GoneStatus = Literal[404, 410, 400, 401, 416]


@dataclass(frozen=True, slots=True)
class Behaviour:
    # --- opening a session ---

    # [5] The reference page says 200, the walkthrough's prose 201.
    create_status: Literal[200, 201] = 200
    # [6] camelCase at create; what a live server does elsewhere has varied between clouds.
    create_casing: Casing = "camel"
    create_ranges: RangeShape = "open"
    # [3] The reference says 25 MB, without a number of bytes, and nothing of when and how a larger file is refused.
    size_limit: int = 26_214_400
    size_limit_status: Literal[413, 400, 507] = 413
    size_refused_at: Literal["create", "last_range"] = "create"
    # [4] "Between 0 MB and 25 MB", yet no Content-Range can say zero bytes.
    empty_session: Literal["refused", "never_completes", "completes_at_create"] = "refused"
    # [10] No lifetime is published. Outlook's expiry is fixed; OneDrive's moves with each range.
    session_lifetime: float = 86_400.0
    expiry: Literal["fixed", "sliding"] = "fixed"
    # [24] Another host in place of the configured root (an origin such as "https://outlook.office.example").
    upload_url_host: str = ""
    upload_url_version: Literal["as_asked", "v1.0", "beta", "gv1.0"] = "as_asked"
    # [24] As for mail: the URL has a token of its own, and a request with a bearer gets 401 InvalidAudience.
    upload_url_authtoken: bool = False
    # [25] The reference shows the GUID even for a caller that used /me.
    upload_url_user: Literal["guid", "upn", "me"] = "guid"
    # By analogy with mail: a smaller file gets 400 ErrorAttachmentSizeShouldNotBeLessThanMinimumSize.
    minimum_session_size: int = 0
    # [26] Sessions of personal accounts were never shown live: a status here refuses them.
    personal_sessions: Literal["supported", 400, 403, 404] = "supported"
    # [27] Attaching in a shared list or the list of flagged mail.
    shared_list: Literal["allowed", 400, 403, 404] = "allowed"
    # [17] Today's pages: application permission is not supported. Microsoft's permission data: it is.
    application_tokens: Literal["accepted", 401, 403] = 403

    # --- sending ranges ---

    # [1] The walkthrough appends /content to uploadUrl; its older prose did not.
    bare_put: Literal[405, 404, "accepted"] = 405
    # [2] "Up to 4 MB" against "less than 4 MB", and 4 MB against 4 MiB.
    range_limit: int = 4_194_304
    range_limit_inclusive: bool = True
    range_limit_status: Literal[413, 400] = 413
    # [6] Progress is documented in PascalCase with a bare start.
    progress_casing: Casing = "pascal"
    progress_ranges: RangeShape = "start"
    # [7] A body that breaks off: nothing of it is kept, or the prefix that arrived.
    torn_range: Literal["dropped", "kept"] = "dropped"
    # A complete request whose client went away before the answer: a proxy drops it, the server behind it may not.
    abandoned_request: Literal["applied", "dropped"] = "applied"
    # [13] A range sent again after it was acknowledged.
    acknowledged_range: Literal[416, 200] = 416
    # [18] No permission page names attachmentSessions at all: False answers 403 to a PUT alone.
    put_permitted: bool = True
    # [23] A 308 to this URL for every PUT; a client must not follow it with its bearer.
    put_redirect: str = ""
    # [8] 201 and Location; with the entity; bare; or 200 with an entity, with no next range, with next == total.
    final_reply: Literal["location", "entity", "nothing", "ok_entity", "ok_empty", "ok_progress"] = "location"
    # [9] A path ending in /Attachments/{id}, as documented; key is attachments('{id}').
    location: Literal["path", "key", "encoded", "relative", "beta", "absent"] = "path"

    # --- asking and cancelling ---

    # [12] The SDKs have GET; no reference page does.
    session_get: Literal["works", 404, 405] = "works"
    status_casing: Casing = "camel"
    status_ranges: RangeShape = "start"
    # [11] Unpublished.
    expired_session: GoneStatus = 404
    unknown_session: GoneStatus = 404
    # Does the session outlive its last range? A lingering one expects nothing and refuses every PUT.
    finished_session: Literal["gone", "lingers"] = "gone"
    # [30] A list that never existed has been deleted with 204.
    unknown_session_delete: Literal[404, 204] = 404

    # --- attachments ---

    # [16] No page states any rule for equal names.
    duplicate_names: Literal["allowed", "refused_at_create", "refused_at_last_range"] = "allowed"
    # [29] free, refused (400 for a path, a control character or over 255 characters), or quietly altered.
    names: Literal["free", "refused", "trimmed", "lower_case", "sanitised"] = "free"
    # [15] Exchange counts its own overhead into sizes.
    listed_size_overhead: int = 0
    # [14] A new attachment appears in listings only this many seconds later.
    listing_lag: float = 0.0
    # The reference's example wraps the entity of a GET in {"value": {...}}.
    wrapped_attachment: bool = False
    # Mail loses the content type given at create.
    session_content_type: Literal["lost", "kept"] = "lost"
    # "Under 3 MB"; the body itself was measured to be capped at 4,194,304 characters.
    inline_limit: int = 3_145_728
    body_limit: int = 4_194_304

    # --- lists, tasks, ids ---

    # A list or a task that another app made is neither found nor listed until this many seconds later.
    new_item_lag: float = 0.0
    # For some accounts the listing holds Flagged Emails at most, and only lists/delta has the others, or not even that.
    listed_lists: Literal["all", "only_in_delta", "never"] = "all"
    # An account without a mailbox that Graph can reach: every request to its To Do gets MailboxNotEnabledForRESTAPI.
    mailbox_for_rest: Literal["enabled", 404] = "enabled"
    page_size: int = 50
    # Listings without $top have come back cut off and without a nextLink.
    next_link: Literal["always", "only_with_top", "never", "other_host"] = "always"
    # $select is refused on To Do, as reported.
    select: Literal[400, "ignored"] = 400
    # Mixed filters silently drop a clause; Exchange compares loosely.
    filters: Literal["exact", "loose", "ignored", 400] = "exact"
    # lists/Tasks stands for the default list, except when one task is asked for.
    tasks_shorthand: bool = True
    # "Parent folder specified does not contain a Task with given Id" is a 400.
    unknown_task: Literal[404, 400] = 404
    # [28] A task dragged to another list: does its open session follow, and does its id change?
    moved_task_session: Literal["follows", 404] = "follows"
    moved_task_id: Literal["changes", "stays"] = "changes"

    # --- every reply ---

    # Seven digits of a second's fraction in the documentation; clients have met none.
    date_digits: Literal[0, 3, 6, 7] = 7
    error_form: ErrorForm = "inner_error"


DOCUMENTED = Behaviour()
