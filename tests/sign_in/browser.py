"""A person at a browser that follows redirects, keeps cookies, and runs no script."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from local.stand_ins.entra.people import Resident


@dataclass
class Visitor:
    """Cookies of the identity provider only: the app's are passed by the tests, as its pages are not served here."""

    entra: str  # the identity provider's origin
    authority: Path  # who vouches for it
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.trust_env = False
        self._session.verify = str(self.authority)

    def sign_in(self, url: str, person: Resident) -> dict[str, str]:
        """Go to *url*, choose *person*; the parameters that the identity provider sends back to the app."""
        return self._answer(url, {"person": person.oid})

    def refuse(self, url: str, how: str = "declined") -> dict[str, str]:
        return self._answer(url, {"refuse": how})

    def _answer(self, url: str, choice: dict[str, str]) -> dict[str, str]:
        page = self._follow(self._session.get(url, allow_redirects=False))
        if isinstance(page, dict):
            return page  # the session of the browser was enough: nothing was asked
        action = re.search(r'action="([^"]+)"', page.text)
        assert action is not None, page.text
        back = self._follow(self._session.post(urljoin(page.url, action[1]), data=choice, allow_redirects=False))
        assert isinstance(back, dict), back.text
        return back

    def _follow(self, reply: requests.Response) -> requests.Response | dict[str, str]:
        while reply.is_redirect:
            url = urljoin(reply.url, reply.headers["Location"])
            if not url.startswith(self.entra):
                return dict(parse_qsl(urlsplit(url).query))
            reply = self._session.get(url, allow_redirects=False)
        reply.raise_for_status()
        return reply

    def close(self) -> None:
        self._session.close()
