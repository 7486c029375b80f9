#!/usr/bin/env python3
"""Prints the values of a parameter file, a line for each: the parameter's name, a tab, the value.

    az bicep build-params --file infra/main.bicepparam --stdout | scripts/parameters.py

It reads what that command prints, or a JSON parameter file. A parameter that the file does not set has no line; a list
has a line for each element.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any


def given(built: dict[str, Any]) -> Iterator[tuple[str, str]]:
    content = json.loads(built["parametersJson"]) if "parametersJson" in built else built
    for name, entry in content.get("parameters", {}).items():
        value = entry.get("value", "")
        for each in value if isinstance(value, list) else [value]:
            yield name, str(each)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        lines = list(given(json.load(sys.stdin)))
    except ValueError as error:
        raise SystemExit(f"parameters.py: the parameters are not JSON: {error}") from None
    sys.stdout.writelines(f"{name}\t{value}\n" for name, value in lines)


if __name__ == "__main__":
    main()
