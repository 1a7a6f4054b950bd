# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := runs/home_fleet
# What the demo changes in its scenario, e.g. DEMO_SET="--set fleet.sites=3 --set duration_s=600".
DEMO_SET ?=
# Tests run side by side, a process a core; a file stays with one process, as its runs are made once for all its tests.
JOBS ?= $(shell nproc)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slurm docs bench format wheel clean check-machine chromium

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: setup ## build the FMUs, run 100 homes for 24 hours, write the report
	$(BIN)/twin fmu build
	$(BIN)/twin run scenarios/home_fleet.yaml -o $(DEMO) --force --profile $(DEMO_SET)
	$(BIN)/twin report $(DEMO)

test: setup chromium ## all tests, lint and types, in one pytest run
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-slurm: setup ## studies on a real Slurm, which the tests bring up (root installs it where it is missing)
	$(BIN)/pytest tests/slurm

docs: setup ## run every code block of the how-tos
	$(BIN)/pytest -n $(JOBS) --maxschedchunk 1 tests/docs

bench: setup ## measure the figures of the issues, as ratios side by side
	for benchmark in $(basename $(notdir $(wildcard benchmarks/*.py))); do $(BIN)/python -m benchmarks.$$benchmark || exit 1; done

format: setup ## format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: setup ## build a wheel that carries fmus/, data/ and scenarios/
	$(BIN)/pip wheel --no-deps -w dist .

setup: check-machine $(INSTALLED) ## make the virtual environment and build the native module

$(INSTALLED): pyproject.toml requirements-rumoca.txt CMakeLists.txt $(wildcard twin/native/*.cpp twin/native/*.h)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-rumoca.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

check-machine:
	@PYTHON='$(PYTHON)' sh .ci/check-machine

chromium:
	@sh .ci/install-chromium

clean: ## remove everything that was built or run
	rm -rf $(VENV) build dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
