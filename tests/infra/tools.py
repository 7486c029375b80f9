"""Where scripts/setup-checks and scripts/bicep put things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def az_environment() -> Path:
    return ROOT / ".venv-az/.installed"


def templates() -> Path:
    return ROOT / ".local/bicep"


def language_service() -> Path:
    return ROOT / "tests/infra/node_modules/.installed"
