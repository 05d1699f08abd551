# Two commands do everything: `make run` (sets up, runs the demo) and `make test` (sets up, runs the tests).
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
NAME ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Every server and command that a test starts would compile all it imports anew: 0.7 s each.
unexport PYTHONDONTWRITEBYTECODE
# What the tests of a file share is made once; the order of files is that of tests/conftest.py. Three
# workers for two cores: much of the slow tests' time is waiting for servers, clusters and signals.
BY_FILE := --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test check lint bench format docs clean

help:
	@echo "make run     set up, then run the demo: from a factory file to a running job with a receipt"
	@echo "make test    set up, then run every test"
	@echo "make check   format, lint, types, import contracts and the fast tests"
	@echo "make lint    the same without tests"
	@echo "make bench   run the benchmarks (NAME=x for one)"

run: $(VENV)/core.stamp
	@$(BIN)/arkwright demo

test: $(VENV)/dev.stamp $(VENV)/torch.stamp
	$(BIN)/python -m pytest -n 3 $(BY_FILE) --durations 12

check: lint
	$(BIN)/python -m pytest -n 2 $(BY_FILE) -m "not slow"

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks $(NAME)

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/core.stamp
	$(BIN)/python -m arkwright.catalog docs/catalogue.md
	$(BIN)/python -m arkwright.cli.reference > docs/cli.md

clean:
	rm -rf $(VENV) .arkwright .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A bare Debian has python3.11 without venv and ensurepip; as root we can fetch them.
$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || ./requirements/install-venv.sh
	$(PYTHON) -m venv $(VENV)

$(VENV)/core.stamp: pyproject.toml requirements/core.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/core.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/core.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# The DDP gate needs torch. The pin is exact: a range would pull an accelerator build of gigabytes.
$(VENV)/torch.stamp: requirements/torch.txt $(VENV)/core.stamp
	$(BIN)/python -m pip install --quiet -r requirements/torch.txt
	@touch $@
