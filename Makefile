# Bioline Twin: everything a newcomer needs. `make demo` shows it, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
FRONT := dashboards/static/index.html
WEB := $(shell find dashboards/web -path dashboards/web/node_modules -prune -o -type f -print 2>/dev/null)

.PHONY: demo test torture fuzz check front wheel tools plots reference conformance clean help

help:           ## List what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(VENV)/.run $(FRONT)   ## Show the whole on this machine: make demo ARGS="--for 120 --no-browser"
	@$(BIN)/twin demo $(ARGS)

test: $(VENV)/.test $(FRONT) tools   ## Everything CI checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

torture: $(VENV)/.test tools   ## Kill every party at random and count every value: make torture ARGS="--kills 100"
	@PYTHONPATH=tests $(BIN)/python -m torture $(ARGS)

fuzz: $(VENV)/.test            ## Look for bytes that break a reader: make fuzz ARGS="--seconds 60"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[fuzz]'
	@PYTHONPATH=tests $(BIN)/python -m fuzz.fuzzing $(ARGS)

check: $(VENV)/.test          ## The quick checks only: style, types, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

front: $(FRONT)               ## Build the pages

wheel: $(VENV)/.test $(FRONT) ## Build a wheel that carries the pages
	@$(BIN)/python -m pip wheel -q --no-deps -w dist .

tools:                        ## Servers and browser the tests use; says what is missing
	@scripts/test-tools

plots: $(VENV)/.test          ## Draw the plots of the simulated plant again
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@$(BIN)/python -m benchmarks.plant_plots

reference: $(VENV)/.run       ## Write the reference of the plug-ins again
	@$(BIN)/twin kinds --markdown > .plug-ins.md && mv .plug-ins.md docs/reference/plug-ins.md

conformance: $(VENV)/.test     ## Write the page of what is tested of wires and stores again
	@$(BIN)/python tests/conformance.py

clean:                        ## Remove what was made
	rm -rf $(VENV) dashboards/static dashboards/web/node_modules dist

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: pyproject.toml $(VENV)/.made
	@echo "Installing the service (about a minute) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[report]'
	@echo "Compiling the simulated plant ..."
	@$(BIN)/python -c 'from simulators.plant import Plant; from simulators.scenario import load_scenario, packaged; Plant(load_scenario(packaged("demo"))).advance(0)'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.run
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test]'
	@touch $@

$(FRONT): $(WEB) | $(VENV)/.made
	@echo "Building the pages ..."
	@PYTHON=$(BIN)/python scripts/build-front
	@touch $@
