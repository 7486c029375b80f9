"""How all pages look, and what protects them: one style, one frame, one set of security headers.

Pages load nothing from other sites. A page runs no script, except where `Look.script` names one.
"""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

from shared.sign_in.browser import BrowserResponse

STYLE = (
    "body{font:1.125rem/1.6 system-ui,sans-serif;margin:0 auto;max-width:40rem;padding:2rem 1rem;"
    "color:#1b1b1b;background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.75rem;line-height:1.25}"
    "h2{font-size:1.25rem;margin-top:2.5rem}"
    "code{background:#f0f0f0;padding:.1em .3em}"
    "pre{background:#f0f0f0;padding:.75rem 1rem;white-space:pre-wrap}pre code{padding:0}"
    "a{color:#0b57a4}"
    "button,.button{display:inline-block;font:inherit;padding:.5rem 1.25rem;border:2px solid #0b57a4;"
    "border-radius:.25rem;background:#0b57a4;color:#fff;text-decoration:none;cursor:pointer}"
    "button.quiet,.button.quiet{background:#fff;color:#0b57a4}"
    ":focus-visible{outline:3px solid #c25700;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1b1b1b}code,pre{background:#333}"
    "a{color:#8ec5ff}button,.button{background:#8ec5ff;border-color:#8ec5ff;color:#111}"
    "button.quiet,.button.quiet{background:#1b1b1b;color:#8ec5ff}:focus-visible{outline-color:#ffb366}}"
)


@dataclass(frozen=True, slots=True)
class Look:
    """The frame of pages. *app_url* is the app's own root (`.../api`), *authority* the identity provider's origin.

    *style* is added to the style of all pages. *script* is the address of the one script that these pages run, and
    *connects_to* are the origins that it may send to, besides the app's own.
    """

    app_url: str
    authority: str
    style: str = ""
    script: str = ""
    connects_to: tuple[str, ...] = ()

    def security_headers(self) -> dict[str, str]:
        headers = {
            "Content-Security-Policy": "; ".join(self._policy()),
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if self.app_url.startswith("https://"):
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return headers

    def redirect(self, url: str) -> BrowserResponse:
        return BrowserResponse(303, {**self.security_headers(), "Location": url})

    def page(self, status: int, title: str, body: str) -> BrowserResponse:
        """A whole page. *title* is text; *body* is HTML in which all text from outside is escaped already."""
        script = f'<script src="{escape(self.script)}" defer></script>' if self.script else ""
        html = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)} - todo-attach</title><style>{STYLE}{self.style}</style>{script}</head>"
            f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
        )
        return self.fragment(html, status)

    def fragment(self, html: str, status: int = 200) -> BrowserResponse:
        """A part of a page."""
        return BrowserResponse(status, {**self.security_headers(), "Content-Type": "text/html; charset=utf-8"}, html)

    def _policy(self) -> list[str]:
        digest = base64.b64encode(hashlib.sha256(f"{STYLE}{self.style}".encode()).digest()).decode()
        policy = ["default-src 'none'", f"style-src 'sha256-{digest}'"]
        if self.script:
            policy += [f"script-src {self.script}", " ".join(("connect-src 'self'", *self.connects_to))]
        # The target of our form redirects to the identity provider, and browsers apply form-action to that as well.
        return [*policy, f"form-action 'self' {self.authority}", "base-uri 'none'", "frame-ancestors 'none'"]
