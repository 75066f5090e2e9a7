# Every target sets itself up: the environment is built on first use and again when setup.cfg changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test docs clean

demo: $(READY)
	$(BIN)/eulerot demo --out demo

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

docs: $(VENV)/.docs-ready
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs
	@echo "documentation: build/docs/index.html"

$(VENV)/.docs-ready: $(READY)
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

$(READY): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[plot,test]"
	touch $(READY)

clean:
	rm -rf $(VENV) demo
