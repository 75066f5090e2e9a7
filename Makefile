# Every target sets itself up: the environment is built on first use and again when setup.cfg changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

FLOWS_READY := .venv-flows/.ready
MPI_READY := $(VENV)/.mpi-ready

.PHONY: demo test quick test-flows test-mpi docs dist clean

demo: $(READY)
	$(BIN)/eulerot demo --out demo

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

# While at work: the linter, and the tests that take less than half a second
quick: $(READY)
	$(BIN)/ruff check .
	$(BIN)/pytest -m "not flows and not mpi and not slow" tests eulerot

# The adapters on the flow libraries themselves: torch and jax are large, so that they have an environment of their own.
# The flows are small: threads of torch would only wait for each other
test-flows: $(FLOWS_READY)
	OMP_NUM_THREADS=1 .venv-flows/bin/pytest -m flows

$(FLOWS_READY): setup.cfg pyproject.toml
	test -x .venv-flows/bin/python || $(PYTHON) -m venv .venv-flows
	.venv-flows/bin/python -m pip install --quiet --editable ".[flows,test]"
	touch $(FLOWS_READY)

# What one, two, three and four processes compute together; those that wait for each other are ended after two minutes
test-mpi: $(MPI_READY)
	for n in 1 2 3 4; do \
		echo "mpiexec -n $$n"; \
		MPIEXEC_TIMEOUT=120 OMP_NUM_THREADS=1 $(BIN)/mpiexec -n $$n $(BIN)/pytest -m mpi tests/mpi || exit 1; \
	done

$(MPI_READY): $(READY)
	$(BIN)/python -m pip install --quiet --editable ".[mpi]"
	touch $@

docs: $(VENV)/.docs-ready
	rm -rf docs/generated
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs
	$(BIN)/python docs/_extensions/self_contained.py build/docs
	@echo "documentation: build/docs/index.html"

$(VENV)/.docs-ready: $(READY)
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

$(READY): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[plot,test]"
	touch $(READY)

# The source distribution and the wheel; validation/robustness/installs.py installs them in clean environments
dist: $(READY)
	$(BIN)/python -m pip install --quiet build
	rm -rf dist
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) .venv-flows demo build dist docs/generated
