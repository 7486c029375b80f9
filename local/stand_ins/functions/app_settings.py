"""App settings: `%NAME%` in bindings, connections, disabled functions. The environment is their only source here.

A connection is looked up as the real host does: `AzureWebJobs{name}` first, then `{name}`. The form for a managed
identity (`{name}__queueServiceUri` and the like) is refused: such an identity exists only in Azure.
"""

import re
from collections.abc import Mapping

HOST_STORAGE = "AzureWebJobsStorage"
_REFERENCE = re.compile(r"%([^%]*)%")
_TRUE = frozenset({"1", "true"})
_LARGEST_BODY = 100 * 1024 * 1024  # the real host's own


class SettingError(Exception):
    """A setting is missing, or cannot be used here. The text names it."""


class AppSettings:
    """The app settings in one environment."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def resolve(self, text: str) -> str:
        """Replace every `%NAME%`."""
        return _REFERENCE.sub(lambda reference: self._referenced(reference[1]), text)

    def connection_string(self, name: str) -> str:
        for setting in (f"AzureWebJobs{name}", name):
            if value := self._values.get(setting):
                return value
        for setting in sorted(self._values):
            if setting.startswith((f"AzureWebJobs{name}__", f"{name}__")):
                raise SettingError(
                    f"connection {name!r} is an identity connection ({setting}): a managed identity exists only in"
                    f" Azure; set {name} to a connection string here"
                )
        raise SettingError(f"connection {name!r} is not set: neither AzureWebJobs{name} nor {name} exists")

    def is_disabled(self, function: str) -> bool:
        # The second spelling exists because a shell cannot export a name with dots.
        names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
        return any(self._values.get(name, "").strip().lower() in _TRUE for name in names)

    def is_on(self, name: str) -> bool:
        return self._values.get(name, "").strip().lower() in _TRUE

    def largest_body(self) -> int:
        """The largest body of a request, in bytes. Raises SettingError."""
        name = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
        text = self._values.get(name, "") or str(_LARGEST_BODY)
        if not text.isdecimal():
            raise SettingError(f"app setting {name!r} is {text!r}: use a number of bytes")
        return int(text)

    def _referenced(self, name: str) -> str:
        if name not in self._values:
            raise SettingError(f"app setting {name!r} is not set (%{name}%)")
        return self._values[name]
