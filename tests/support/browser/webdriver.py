"""A real Chromium, driven by Selenium. It uses the browser and driver of the system, and downloads nothing."""

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

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
    """One browser window. A *selector* is CSS, or XPath where it begins with a slash."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def go_to(self, url: str) -> None:
        self._driver.get(url)

    @property
    def address(self) -> str:
        return self._driver.current_url

    @property
    def title(self) -> str:
        return self._driver.title

    def heading(self) -> str:
        return self.text("h1")

    def text(self, selector: str) -> str:
        """The text that is shown."""
        return self._until_done(lambda: self._find(selector).text)

    def attribute(self, selector: str, name: str) -> str:
        return self._find(selector).get_attribute(name) or ""

    def press(self, words: str) -> None:
        """Press the button or link with the text *words*."""
        self.click(f"//*[self::button or self::a][contains(normalize-space(.), '{words}')]")

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Choose files in a file input, as its dialog does."""
        self._find(selector).send_keys("\n".join(str(path) for path in paths))

    def type_into(self, selector: str, words: str) -> None:
        """Replace the text of an input by *words*."""
        element = self._find(selector)
        element.clear()
        element.send_keys(words)

    def click(self, selector: str) -> None:
        self._until_done(lambda: self._find(selector).click())

    def choose(self, selector: str, words: str) -> None:
        """Choose the option of a select with the text *words*."""
        Select(self._find(selector)).select_by_visible_text(words)

    def press_key(self, key: str) -> None:
        ActionChains(self._driver).send_keys(key).perform()

    def show_as(self, width: int, *, dark: bool) -> None:
        """Show the page on a screen of this width in pixels, in the colours that the person prefers."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def run_first_on_each_page(self, script: str) -> None:
        """Run *script* on each page, before the page's own scripts."""
        self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def allow_scripts(self, *, allowed: bool) -> None:
        """Allow or forbid scripts, from the next page on."""
        self._driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def run(self, script: str) -> Any:
        return self._driver.execute_script(script)

    def focused_by_tab(self) -> list[str]:
        """The elements that the Tab key visits, in order."""
        visited: list[str] = []
        for _ in range(10):
            ActionChains(self._driver).send_keys(Keys.TAB).perform()
            found = self.run("return document.activeElement === document.body ? '' : document.activeElement.innerText")
            if not found or found in visited:
                break
            visited.append(found)
        return visited

    def computed(self, selector: str) -> tuple[str, str]:
        """The role and the name that assistive technology gets."""
        element = self._find(selector)
        return element.aria_role, element.accessible_name

    def complaints(self) -> list[str]:
        """The messages of the console, for example about a violation of the content security policy."""
        entries = self._driver.get_log("browser")  # type: ignore[no-untyped-call] # Selenium types nearly all else
        return [entry["message"] for entry in entries]

    def cookies(self) -> list[dict[str, Any]]:
        return self._driver.get_cookies()

    def keep_screenshot(self, name: str, *, whole: bool = False) -> Path:
        """Store a screenshot of what is visible; *whole*: of the whole page."""
        directory = Path(os.environ.get("TODO_ATTACH_SCREENSHOTS", ".local/screenshots"))
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}.png"
        shot = self._driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def _until_done[Result](self, act: Callable[[], Result]) -> Result:
        """Run *act*, and again if the page has replaced an element between the search for it and its use."""
        stale = [StaleElementReferenceException]
        again = WebDriverWait(self._driver, 20, poll_frequency=0.02, ignored_exceptions=stale)
        return again.until(lambda _driver: [act()])[0]

    def _find(self, selector: str) -> WebElement:
        return self._driver.find_element(By.XPATH if selector.startswith("/") else By.CSS_SELECTOR, selector)


@contextmanager
def browser(profile: Path, *, trusted_key: str = "") -> Iterator[Browser]:
    """A window with a profile of its own. *trusted_key*: SHA-256 of the public key of one server, in Base64."""
    found = programs()
    assert found is not None, "Chromium is missing: scripts/setup-browser installs it, or says what to install"
    chromium, driver_program = found
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--ignore-certificate-errors-spki-list={trusted_key}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With the path of a driver, Selenium neither searches for one nor downloads one.
    service = webdriver.ChromeService(driver_program, log_output=str(profile.parent / "chromedriver.log"))
    with pytest.MonkeyPatch.context() as environment:
        # The driver is on this machine, whatever proxy the environment names.
        environment.setenv("no_proxy", "127.0.0.1,localhost")
        driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
