"""A small Log Analytics workspace: tables in DuckDB, asked in Kusto's language.

The engine is duckdb-kql, not Azure's: what it cannot translate it refuses, and what it translates was measured against
Kusto by its authors, not by us. It shows that a query means what its author meant, not that Azure runs it.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb_kql
from duckdb_kql.stored_functions import ResolvedFunctions, parse_functions

from tests.infra.kql import TABLES, functions

type Row = Mapping[str, Any]

_TYPES = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "real": "DOUBLE",
    "int": "INTEGER",
    "bool": "BOOLEAN",
}


class Workspace:
    """Each table is a view of its rows, which shows those of the time that a query is asked for. Times are UTC."""

    def __init__(self) -> None:
        self._database = duckdb_kql.connect()
        for table, columns in TABLES.items():
            described = ", ".join(f'"{name}" {_TYPES[kind]}' for name, kind in columns.items())
            self._database.execute(f'CREATE TABLE "{table}_rows" ({described})')
            self._database.execute(
                f'CREATE VIEW "{table}" AS SELECT * FROM "{table}_rows" '
                "WHERE TimeGenerated > getvariable('since') AND TimeGenerated <= getvariable('until')"
            )

    def add(self, table: str, row: Row) -> None:
        columns = TABLES[table]
        unknown = row.keys() - columns.keys()
        if unknown:
            raise KeyError(f"{table} has no {', '.join(sorted(unknown))}")
        values = [json.dumps(value) if columns[name] == "dynamic" else value for name, value in row.items()]
        named, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        self._database.execute(f'INSERT INTO "{table}_rows" ({named}) VALUES ({marks})', values)

    def ask(self, query: str, *, at: datetime, window: timedelta) -> list[dict[str, Any]]:
        """The rows that *query* returns at the time *at*, of the telemetry of the last *window*."""
        self._database.execute(f"SET VARIABLE since = TIMESTAMP '{at - window}'")
        self._database.execute(f"SET VARIABLE until = TIMESTAMP '{at}'")
        translated = _translated(query, at if re.search(r"\b(now|ago)\(", query) else None)
        found = self._database.sql(str(translated), params=translated.parameters)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@cache
def _stored() -> ResolvedFunctions | None:
    return parse_functions([f"function {each.name}({each.parameters}) {{\n{each.body}\n}}" for each in functions()])


@cache
def _translated(query: str, now: datetime | None) -> duckdb_kql.TranslationResult:
    schema = {table: list(columns) for table, columns in TABLES.items()}
    return duckdb_kql.to_sql(query, schema=schema, functions=_stored(), query_now=now)
