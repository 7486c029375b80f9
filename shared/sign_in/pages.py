"""What the person sees: plain pages, readable by anybody and anything, with nothing from elsewhere.

No token, no code and nothing out of a URL is ever on a page. What comes from outside (names, ids) is escaped.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from shared.sign_in.person import Person
from shared.sign_in.problems import Problem

_STYLE = (
    "body{font:1.125rem/1.6 system-ui,sans-serif;margin:0 auto;max-width:40rem;padding:2rem 1rem;"
    "color:#1b1b1b;background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.75rem;line-height:1.25}"
    "h2{font-size:1.25rem;margin-top:2.5rem}"
    "code{background:#f0f0f0;padding:.1em .3em}"
    "a{color:#0b57a4}"
    "button,.button{display:inline-block;font:inherit;padding:.5rem 1.25rem;border:2px solid #0b57a4;"
    "border-radius:.25rem;background:#0b57a4;color:#fff;text-decoration:none;cursor:pointer}"
    "button.quiet{background:#fff;color:#0b57a4}"
    ":focus-visible{outline:3px solid #c25700;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1b1b1b}code{background:#333}"
    "a{color:#8ec5ff}button,.button{background:#8ec5ff;border-color:#8ec5ff;color:#111}"
    "button.quiet{background:#1b1b1b;color:#8ec5ff}:focus-visible{outline-color:#ffb366}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The app's own root (`.../api`), the identity provider's origin, and the app's id there."""

    root: str
    authority: str
    client_id: str

    def security_headers(self) -> dict[str, str]:
        # A form's target may redirect to the identity provider, and browsers hold form-action against that as well.
        policy = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {self.authority}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if self.root.startswith("https://"):
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return headers

    def redirect(self, url: str, cookie: str) -> Answer:
        return Answer(303, {**self.security_headers(), "Location": url, "Set-Cookie": cookie})

    # -- pages --

    def connected(self, person: Person, *, by_name: bool, resumed: int) -> Answer:
        by_id = f"<p><code>user={escape(person.object_id)}</code></p>"
        if by_name:
            how = (
                f"<p><code>user={escape(person.name)}</code></p>"
                f"<p>Should your sign-in name ever change, this stays the same:</p>{by_id}"
            )
        else:
            how = f"{by_id}<p>Another connected account has the same sign-in name: files can only name you by this.</p>"
        waiting = f"<p>{resumed} waiting {'file goes' if resumed == 1 else 'files go'} on now.</p>" if resumed else ""
        return self._page(
            200,
            "Your To Do is connected",
            f"<p>You signed in as <strong>{escape(person.name)}</strong>. Files that are put into the container for "
            f"you are attached to your tasks from now on, until you disconnect.</p>{waiting}"
            f"<p>To send a file to your To Do, give its blob this metadata:</p>{how}"
            "<p>This app can read and change your tasks, and nothing else. Whoever may write to its container can "
            "attach files to your tasks.</p>"
            f"<h2>To disconnect</h2>{self._disconnect_form()}"
            f"<p>Or later, at <code>{escape(self.root)}/disconnect</code></p>",
        )

    def disconnected(self, person: Person, *, was_connected: bool) -> Answer:
        if not was_connected:
            body = f"<p><strong>{escape(person.name)}</strong> was not connected, so nothing was changed.</p>"
            return self._page(200, "Nothing to disconnect", body + self._again("Connect"))
        return self._page(
            200,
            "Your To Do is disconnected",
            f"<p>What was kept for <strong>{escape(person.name)}</strong> is deleted. Uploads stop within two minutes; "
            "files for you wait from now on, and fail in the end.</p>"
            "<p>Microsoft still lists the permission that you gave. You can take it back there too: at "
            "<code>myapps.microsoft.com</code> for a work or school account, at "
            "<code>account.live.com/consent/Manage</code> for a personal one.</p>" + self._again("Connect again"),
        )

    def ask_to_disconnect(self) -> Answer:
        return self._page(
            200,
            "Disconnect your To Do",
            "<p>What is kept for you is deleted then, and no more files are attached to your tasks.</p>"
            + self._disconnect_form(),
        )

    def problem(self, problem: Problem, code: str = "") -> Answer:
        status, title, paragraphs = _PROBLEMS[problem]
        told = f"<p>Microsoft's number for this: AADSTS{escape(code)}</p>" if code else ""
        if problem is Problem.ADMIN_CONSENT:
            told = f"<p>They find it by its id: <code>{escape(self.client_id)}</code></p>{told}"
        return self._page(status, title, "".join(f"<p>{each}</p>" for each in paragraphs) + told + self._again())

    def _disconnect_form(self) -> str:
        return (
            "<p>You are asked to sign in once more, so that nobody else can do it for you.</p>"
            f'<form method="post" action="{escape(self.root)}/disconnect">'
            '<button class="quiet" type="submit">Disconnect</button></form>'
        )

    def _again(self, text: str = "Start again") -> str:
        return f'<p><a class="button" href="{escape(self.root)}/connect">{escape(text)}</a></p>'

    def _page(self, status: int, title: str, body: str) -> Answer:
        html = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)} - todo-attach</title><style>{_STYLE}</style></head>"
            f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
        )
        return Answer(status, {**self.security_headers(), "Content-Type": "text/html; charset=utf-8"}, html)


_PROBLEMS: Mapping[Problem, tuple[int, str, Sequence[str]]] = {
    Problem.DECLINED: (
        403,
        "You declined",
        ("Nothing was connected, and nothing is kept.", "If that was not what you wanted, start again and accept."),
    ),
    Problem.WRONG_TENANT: (
        403,
        "This account is not accepted here",
        (
            "This app takes accounts of one organisation, or of one kind, and yours is another.",
            "Start again with another account, or ask whoever runs this app whether yours should be accepted.",
        ),
    ),
    Problem.ADMIN_CONSENT: (
        403,
        "Your organisation must agree first",
        (
            "An administrator has to allow this app for your organisation.",
            (
                "Ask your IT department to grant it the delegated permission <code>Tasks.ReadWrite</code>; then start "
                "again."
            ),
        ),
    ),
    Problem.EXPIRED: (
        410,
        "This sign-in took too long",
        ("A sign-in has to be finished within ten minutes. Nothing was changed.", "Start again."),
    ),
    Problem.REUSED: (
        410,
        "This link was used already",
        (
            "Each sign-in works once: perhaps you loaded the page again, or went back.",
            "If you saw that your To Do is connected, it is. Otherwise start again.",
        ),
    ),
    Problem.OTHER_BROWSER: (
        400,
        "This sign-in was not begun in this browser",
        (
            (
                "It has to be finished in the browser in which it was begun, with cookies allowed. If somebody sent "
                "you this link, do not use it."
            ),
            "To connect your own To Do, start here.",
        ),
    ),
    Problem.STRANGE_STATE: (
        400,
        "This is not the sign-in that is under way",
        (
            (
                "Perhaps you began another one in this browser since: finish that one. If somebody sent you this "
                "link, do not use it."
            ),
            "Or start again.",
        ),
    ),
    Problem.NOT_FRESH: (
        403,
        "Please enter your password again",
        ("To disconnect, you have to sign in anew. Nothing was changed.",),
    ),
    Problem.CROSS_SITE: (
        403,
        "This has to begin on this app's own page",
        ("Another site sent you here. Nothing was changed.",),
    ),
    Problem.NO_PERMISSION: (
        403,
        "The permission is missing",
        (
            (
                "The app needs your permission to read and change your tasks, also while you are away. Nothing was "
                "connected."
            ),
            "Start again and accept both.",
        ),
    ),
    Problem.NOT_UNDERSTOOD: (
        502,
        "The sign-in could not be checked",
        ("What came back does not belong to this sign-in. Nothing was changed.", "Start again."),
    ),
    Problem.REFUSED: (
        403,
        "The sign-in was refused",
        (
            "Microsoft did not let it through. Nothing was changed.",
            "Start again; if it stays like this, show this page to whoever runs this app.",
        ),
    ),
    Problem.UNAVAILABLE: (
        503,
        "Not possible right now",
        ("The sign-in service or this app's storage does not answer. Nothing was changed.", "Try again in a minute."),
    ),
}
