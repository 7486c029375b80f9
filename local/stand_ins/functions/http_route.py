"""Route templates: `orders/{id:int}/{part?}`, `{*rest}`."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{(?P<rest>\*?)(?P<name>\w+)(?::(?P<constraint>[^}?]+))?(?P<optional>\??)\}")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "bool": r"(?i:true|false)",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A template and what it matches."""

    template: str
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, template: str) -> Self:
        pattern = "".join(_segment(segment, template) for segment in template.strip("/").split("/") if segment)
        return cls(template.strip("/"), re.compile(pattern, re.IGNORECASE))

    def parameters(self, raw_path: str) -> dict[str, str] | None:
        """The parameters in *raw_path*, which is percent-encoded and has no prefix; None where it does not match."""
        match = self.pattern.fullmatch("/" + raw_path.strip("/") if raw_path.strip("/") else "")
        if match is None:
            return None
        return {name: unquote(value) for name, value in match.groupdict().items() if value is not None}


def _segment(segment: str, template: str) -> str:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        if "{" in segment:
            raise ValueError(f"route {template!r}: a parameter must be a whole segment here")
        return "/" + re.escape(segment)
    name, constraint = parameter["name"], parameter["constraint"]
    if parameter["rest"]:
        return f"(?:/(?P<{name}>.*))?"
    if constraint is not None and constraint not in _CONSTRAINTS:
        raise ValueError(f"route {template!r}: constraint {constraint!r} is not implemented here")
    value = f"/(?P<{name}>{_CONSTRAINTS[constraint] if constraint else '[^/]+'})"
    return f"(?:{value})?" if parameter["optional"] else value
