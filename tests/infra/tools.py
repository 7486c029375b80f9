"""Where scripts/setup-checks puts things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def az_environment() -> Path:
    return ROOT / ".venv-az/.installed"


def types_cache() -> Path:
    return ROOT / ".local/bicep-types/.complete"


def language_service() -> Path:
    return ROOT / "tests/infra/node_modules/.installed"
