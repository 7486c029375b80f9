"""A real Chromium, by the W3C's WebDriver protocol: a few requests to chromedriver, and no library in between."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from local.stack.sign_in import free_port
from tests.local.processes import wait_until

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_TIMEOUT_SECONDS = 60
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--window-size=900,1200",
)


def programs() -> tuple[str, str] | None:
    """Chromium and its driver, as Debian's packages have them; None where one is missing."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """One browser window."""

    def __init__(self, session_url: str, http: requests.Session) -> None:
        self._url = session_url
        self._http = http

    def go_to(self, url: str) -> None:
        self._post("url", {"url": url})

    @property
    def address(self) -> str:
        return str(self._get("url"))

    @property
    def title(self) -> str:
        return str(self._get("title"))

    def heading(self) -> str:
        return self.text("h1")

    def text(self, selector: str) -> str:
        return str(self._get(f"element/{self._find('css selector', selector)}/text"))

    def press(self, words: str) -> None:
        """The button or link that says *words*."""
        path = f"//*[self::button or self::a][contains(normalize-space(.), '{words}')]"
        self._post(f"element/{self._find('xpath', path)}/click", {})

    def run(self, script: str) -> Any:
        return self._post("execute/sync", {"script": script, "args": []})

    def focused_by_tab(self) -> list[str]:
        """What the Tab key visits, in order."""
        visited: list[str] = []
        for _ in range(10):
            self._post("actions", {"actions": [_TAB]})
            found = self.run("return document.activeElement === document.body ? '' : document.activeElement.innerText")
            if not found or found in visited:
                break
            visited.append(found)
        return visited

    def computed(self, selector: str) -> tuple[str, str]:
        """Role and name, as assistive technology hears them."""
        element = self._find("css selector", selector)
        return str(self._get(f"element/{element}/computedrole")), str(self._get(f"element/{element}/computedlabel"))

    def complaints(self) -> list[str]:
        """What the console says, such as a breach of the content security policy."""
        return [entry["message"] for entry in self._post("se/log", {"type": "browser"})]

    def cookies(self) -> list[dict[str, Any]]:
        cookies: list[dict[str, Any]] = self._get("cookie")
        return cookies

    def keep_screenshot(self, name: str) -> Path:
        directory = Path(os.environ.get("TODO_ATTACH_SCREENSHOTS", ".local/screenshots"))
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}.png"
        path.write_bytes(base64.b64decode(self._get("screenshot")))
        return path

    def _find(self, using: str, value: str) -> str:
        return str(self._post("element", {"using": using, "value": value})[_ELEMENT])

    def _get(self, what: str) -> Any:
        return _value(self._http.get(f"{self._url}/{what}", timeout=_TIMEOUT_SECONDS))

    def _post(self, what: str, body: dict[str, Any]) -> Any:
        return _value(self._http.post(f"{self._url}/{what}", json=body, timeout=_TIMEOUT_SECONDS))


_TAB = {
    "type": "key",
    "id": "keyboard",
    "actions": [{"type": "keyDown", "value": "\ue004"}, {"type": "keyUp", "value": "\ue004"}],
}


@contextmanager
def browser(profile: Path, *, trusted_key: str = "") -> Iterator[Browser]:
    """A window with a profile of its own. *trusted_key*: SHA-256 of the public key of one server, in Base64."""
    found = programs()
    assert found is not None, "Chromium is missing: scripts/setup-browser installs it, or says what to install"
    chromium, driver = found
    port = free_port()
    flags = [*_FLAGS, f"--user-data-dir={profile}", f"--ignore-certificate-errors-spki-list={trusted_key}"]
    options = {"binary": chromium, "args": flags}
    wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
    with requests.Session() as http, (profile.parent / "chromedriver.log").open("w") as log:
        http.trust_env = False
        process = subprocess.Popen([driver, f"--port={port}"], stdout=log, stderr=log)
        root = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _is_ready(http, root), "chromedriver")
            session = _value(http.post(f"{root}/session", json={"capabilities": wanted}, timeout=_TIMEOUT_SECONDS))
            url = f"{root}/session/{session['sessionId']}"
            try:
                yield Browser(url, http)
            finally:
                http.delete(url, timeout=_TIMEOUT_SECONDS)
        finally:
            process.terminate()
            process.wait(_TIMEOUT_SECONDS)


def _is_ready(http: requests.Session, root: str) -> bool:
    try:
        return bool(_value(http.get(f"{root}/status", timeout=_TIMEOUT_SECONDS))["ready"])
    except requests.ConnectionError:
        return False


def _value(reply: requests.Response) -> Any:
    value = reply.json()["value"]
    assert reply.ok, value
    return value
