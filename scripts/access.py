#!/usr/bin/env python3
"""Compares the access that a deployment gave with the access that there is.

A deployment adds role assignments and never removes one: a former operator, or a sender who was removed from the
parameter file, keeps the access. This reads the JSON of `az role assignment list --all` on stdin, and a file with the
ids of what the last deployment made, one on each line. It looks only at resources in the group: access to the whole
group, or to the subscription, is given elsewhere. It prints, separated by tabs,

    beyond    ROLE, RESOURCE, WHO, ID      an assignment that the last deployment does not give
    missing   ID                           an assignment that it gave, and that is gone
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ASSIGNMENTS = "/providers/microsoft.authorization/roleassignments/"


def compare(group: str, given: list[str], present: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """The lines to print. *group* is the resource group's id; Azure is not consistent about capitals in ids."""
    expected = {each.lower(): each for each in given if _ASSIGNMENTS in each.lower()}
    found = {str(each["id"]).lower() for each in present}
    inside = f"{group.lower()}/"
    for each in present:
        if str(each["scope"]).lower().startswith(inside) and str(each["id"]).lower() not in expected:
            who = each.get("principalName") or each["principalId"]
            role = each.get("roleDefinitionName") or each["roleDefinitionId"]
            yield "beyond", str(role), str(each["scope"]).rpartition("/")[2], str(who), str(each["id"])
    yield from (("missing", each) for name, each in expected.items() if name not in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", required=True, metavar="ID", help="id of the resource group")
    parser.add_argument("--given", required=True, type=Path, metavar="FILE", help="ids of what was deployed")
    options = parser.parse_args()
    given = options.given.read_text(encoding="utf-8").split()
    for line in compare(options.group, given, json.load(sys.stdin)):
        print("\t".join(line))


if __name__ == "__main__":
    main()
