"""Reads a page for tests: its tags, its addresses, and the contrast of its colours."""

from html.parser import HTMLParser

from shared.sign_in.browser import BrowserResponse


class Page(HTMLParser):
    """The structure of a page, and what it loads or links to. *shape*: its tags, each with its attributes' names."""

    def __init__(self, response: BrowserResponse) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.shape: list[tuple[str, ...]] = []
        self.addresses: list[str] = []
        self.feed(response.body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def contrast(one: str, other: str) -> float:
    """The contrast between two colours, by the formula of WCAG 2.2."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
