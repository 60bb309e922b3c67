# make start | test | func | lint | format | bench | lock | licences | audit | clean
# Each target makes its own environment; nothing but Python 3.13, make and the package registries is assumed.
.DEFAULT_GOAL := help
.PHONY: help start test func lint format bench lock licences audit mutate prove interop clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TOOLS := .interop
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header
ARGS ?=

# The first of these that really is Python 3.13; PYTHON=/path/to/python3.13 names one explicitly.
PYTHON ?= $(shell for p in python3.13 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

help:  ## Say what there is to run
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(STAMP): requirements.lock
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { \
		echo "Python 3.13 was not found. Install it (https://www.python.org/downloads/, or: apt install python3.13 python3.13-venv, brew install python@3.13, pyenv install 3.13), or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV) || { echo "Python 3.13 cannot make a virtual environment. On Debian and Ubuntu: apt install python3.13-venv" >&2; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) (once, some twenty seconds):"
	@PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --disable-pip-version-check --require-hashes --only-binary :all: \
		-r requirements.lock | awk '/^Collecting/ { printf "."; fflush() } \
		/^Installing collected/ { printf " unpacking "; fflush() } \
		/^Successfully installed/ { ok = 1 } END { print ok ? "done" : "failed"; exit !ok }'
	@touch $@

start: $(STAMP)  ## Run the app and the emulated Azure beside it (ARGS="--https --auth ...")
	@exec $(BIN)/python -m emulator $(ARGS)

# More processes than two cores, for tests wait as much as they compute; a module stays in one: its tests share what they start.
test: $(STAMP)  ## Run all tests, side by side (ARGS="-k name" to choose, ARGS="-n0" for one after the other)
	@$(BIN)/python -m pytest -n 3 --dist loadscope $(ARGS)

lint: $(STAMP)  ## Format check, lint and strict types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright

format: $(STAMP)  ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP)  ## Measure against the baselines; writes bench/results.md
	@$(BIN)/python -m bench $(ARGS)

lock: $(STAMP)  ## Resolve requirements*.txt anew into requirements.lock
	@$(COMPILE) requirements-dev.txt -o requirements.lock
	@$(COMPILE) tests/interop/requirements.txt -o tests/interop/requirements.lock

func: $(STAMP)  ## Run the e2e tests against func start (npm install -g azure-functions-core-tools@4 azurite)
	@$(BIN)/python -m tests.outside $(ARGS)

mutate: $(STAMP)  ## Change each decision of the pure modules, and see a unit test fail (some ten minutes)
	@echo "Getting mutmut, and copying the project ..."
	@$(BIN)/uv tool run --quiet --with-requirements requirements.lock --from mutmut==3.8.1 mutmut run $(ARGS)
	@$(BIN)/uv tool run --quiet --with-requirements requirements.lock --from mutmut==3.8.1 mutmut results

prove: $(STAMP)  ## Try to break every promise (some twenty minutes); writes docs/reliability.md
	@$(BIN)/python -m prove $(ARGS)

licences: $(STAMP)  ## Write docs/licences.md anew
	@$(BIN)/python -m tests.support.licences

audit: $(STAMP)  ## Look for known vulnerabilities and committed secrets (asks the network)
	@$(BIN)/uv tool run --quiet --from pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes -r requirements.lock
	@git ls-files -z | xargs -0 $(BIN)/uv tool run --quiet --from detect-secrets==1.5.0 detect-secrets-hook --baseline .secrets.baseline

interop: $(STAMP)  ## Install what the tests with JavaScript (Node.js and npm), the Azure CLI and ShellCheck need
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(TOOLS)
	@$(BIN)/uv pip install --quiet --require-hashes --only-binary :all: --python $(TOOLS)/bin/python -r tests/interop/requirements.lock
	@cd tests/interop && npm ci --silent --no-audit --no-fund

clean:  ## Remove the environment and everything generated
	@rm -rf $(VENV) .emulator .interop .pytest_cache .ruff_cache mutants tests/interop/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
