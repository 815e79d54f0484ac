# Two commands: `make run` serves the page, `make test` runs every check.
PYTHON ?= python3
# PyTorch's CPU index, for a smaller download on Linux; see the README.
TORCH_INDEX ?=

VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install -q --no-build-isolation -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: run test bench clean

run: $(VENV)/installed
	@$(VENV)/bin/rejoinder

test: $(VENV)/tested
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/python -m pytest

bench: $(VENV)/tested
	@$(VENV)/bin/python -m tests.bench.start

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing (once; about 2 GB on the disk) …"
	@$(PIP) install -q -c constraints.txt setuptools
	@$(INSTALL) torch
	@$(INSTALL) -e .
	@touch $@

$(VENV)/tested: $(VENV)/installed tests/get_browser.py
	@$(INSTALL) -e ".[test]"
	@$(VENV)/bin/python tests/get_browser.py
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
