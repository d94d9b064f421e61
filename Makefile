# Two commands matter: `make demo` shows the main job, `make test` passes the tests. Both do all the set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DRIVER ?= process

.PHONY: setup check test demo bench mutants clean

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[lab,dev]'
	touch $@

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest

demo: setup
	$(BIN)/python -m lab.demo --driver $(DRIVER)

bench: setup
	for b in benchmarks/[a-z]*.py; do $(BIN)/python $$b || exit 1; done

mutants: setup
	$(BIN)/python -m tests.contracts.mutants

clean:
	rm -rf $(VENV) .lab .mypy_cache .ruff_cache .pytest_cache
