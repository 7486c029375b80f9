# Every target sets up what it needs first. `make demo` and `make test` are all a newcomer has to know.
.PHONY: setup demo up test check check-code check-infra format snapshots soak mutants bench simulate-scale clean
py := .venv/bin/python

setup:
	@./setup

demo: setup
	@$(py) -m local demo

up: setup
	@$(py) -m local up

test: setup
	@$(py) -m pytest -n auto --dist loadfile

check: setup
	@./scripts/setup-checks
	@$(MAKE) --jobs=2 --output-sync check-code check-infra

check-code:
	@$(py) -m ruff format --check .
	@$(py) -m ruff check .
	@$(py) -m mypy function_app.py shared local tests bench scripts

check-infra:
	@./scripts/bicep check
	@TODO_ATTACH_CHECKS=required $(py) -m pytest -n auto --dist loadgroup tests/infra

# Not in `make test`: they take long, and are worth it before a release.
soak: setup
	@$(py) -m tests.support.simulation --schedules 100000
	@$(py) -m tests.real --rounds 50

mutants: setup
	@scripts/mutants

simulate-scale: setup
	@$(py) -m tests.support.scale

bench: setup
	@$(py) -m bench

format: setup
	@$(py) -m ruff format .
	@$(py) -m ruff check --fix .
	@./scripts/bicep format

# What infra/ comes to, for the parameter files that have a snapshot: their differences are what changes in Azure.
snapshots:
	@./scripts/bicep snapshot

clean:
	rm -rf .venv .venv-mutants node_modules .local .pytest_cache .mypy_cache .ruff_cache .hypothesis
