# Every target sets up what it needs first. `make demo` and `make test` are all a newcomer has to know.
.PHONY: setup demo up test check format soak bench clean
py := .venv/bin/python

setup:
	@./setup

demo: setup
	@$(py) -m local demo

up: setup
	@$(py) -m local up

test: setup
	@$(py) -m pytest

check: setup
	@$(py) -m ruff format --check .
	@$(py) -m ruff check .
	@$(py) -m mypy function_app.py shared local tests

format: setup
	@$(py) -m ruff format .
	@$(py) -m ruff check --fix .

clean:
	rm -rf .venv node_modules .local .pytest_cache .mypy_cache .ruff_cache .hypothesis
