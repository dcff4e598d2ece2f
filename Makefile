# The verbs of this repository; each makes what it needs first, and a second run is quick.

PYTHON ?= python3
VENV ?= .venv
STRICT ?=

BIN := $(VENV)/bin
PYTEST = -m pytest -n auto --maxprocesses 4 --dist loadfile
DEMO := $(VENV)/.made-for-demo
DEV := $(VENV)/.made-for-dev

TLS_TESTS := tests/unit/tls tests/dialogues/test_tls.py tests/interop/test_tls.py tests/interop/test_stapling.py \
  tests/interop/test_pkcs11.py tests/cli/test_probe.py tests/cli/test_probe_faults.py \
  $(addprefix --ignore=tests/unit/tls/,test_broken_stores.py test_jks.py test_pkcs11.py test_ppk.py test_stores.py)

.DEFAULT_GOAL := help
.PHONY: help demo test newest lint bench docs clean

help: ## show the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.13 chooses the Python (3.11 or newer), VENV=directory where the tools go (.venv)."
	@echo "  STRICT=1 makes a test fail, instead of being skipped, when a server that it needs is not there."

demo: $(DEMO) ## send a mail to a server inside the process, and watch
	@$(BIN)/postwright demo

test: $(DEV) ## check style and types, run all tests, show the coverage
	@$(MAKE) --no-print-directory lint
	@bash tests/interop/install.sh
	@$(BIN)/python -c 'import gssapi, krb5' 2>/dev/null || $(BIN)/python -m pip install -q 'pyspnego[kerberos]' || \
	  echo 'Kerberos is not tested: its headers are not there (libkrb5-dev)'
	$(BIN)/coverage erase
	$(if $(STRICT),POSTWRIGHT_REQUIRE_SERVERS=1) $(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

newest: $(BIN)/python ## run the tests of TLS with the newest Python that is there (it has a new ssl each time)
	@python=$$(.ci/newest $(BIN)/python); \
	if [ -z "$$python" ]; then \
	  echo "SKIPPED: no Python here is newer than $$($(BIN)/python -V), so the tests of TLS have nothing new to run on"; \
	else \
	  $(MAKE) --no-print-directory PYTHON="$$python" VENV=$(VENV)-newest tls; \
	fi

.PHONY: tls
tls: $(BIN)/.made-for-tls # with files and programs that have nothing to do with Python's ssl left out: a matter of time
	@$(BIN)/python -V
	$(if $(STRICT),POSTWRIGHT_REQUIRE_SERVERS=1) $(BIN)/python $(PYTEST) -q -p no:cacheprovider $(TLS_TESTS)

lint: $(DEV) ## check style and types only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(BIN)/python ## measure speed beside other clients (QUICK=1 takes two minutes)
	@python=$(BIN)/python; \
	if /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  python=/usr/bin/python3; \
	fi; \
	$(MAKE) --no-print-directory PYTHON="$$python" VENV=$(VENV)-bench measure

.PHONY: measure
measure: $(BIN)/.made-for-bench # with the system's own Python, as the other programs are the system's
	$(BIN)/python -m bench $(if $(QUICK),--quick)
	$(if $(QUICK),,$(BIN)/python -m bench.profile --output docs/benchmarks/profile.md)

docs: $(DEV) ## write the reference from the source, build the pages
	$(BIN)/python docs/generate_reference.py
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "the first page: docs/_build/html/index.html"

clean: ## remove what these verbs made
	rm -rf $(VENV) $(VENV)-bench $(VENV)-newest docs/_build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "postwright needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q python3-venv; \
	  else \
	    echo "$(PYTHON) can't make environments: on Debian and Ubuntu, apt install python3-venv brings what is missing." >&2; \
	    exit 1; \
	  fi; }
	$(PYTHON) -m venv $(VENV) || { rm -f $(BIN)/python; exit 1; }

$(DEMO): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e '.[demo]'
	@touch $@

# Dependency groups need pip 25.1 or newer.
$(BIN)/.made-for-tls: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e '.[cli,demo,tls]' --group test
	@touch $@

$(BIN)/.made-for-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e '.[demo,tls]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e '.[all]' --group dev --group docs
	@touch $@
