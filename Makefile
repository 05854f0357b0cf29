# Two commands matter: `make demo` shows what the template makes, `make test` holds it to its promises.
# Both need Python 3.11 or newer, git and make; all else comes into .venv.

.DEFAULT_GOAL := help
ANSWERS ?=
VERSION ?=
TEST ?= $(MAKE) test
PYTHON := $(shell for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
INSTALL := .venv/bin/uv pip install --quiet --python
NEEDS = --requirements $(1)/pyproject.toml --group $(1)/pyproject.toml:train --group $(1)/pyproject.toml:dev
ENVIRONMENTS := feature_store=duckdb feature_store=feast orchestrator=dvc orchestrator=dagster orchestrator=kubeflow
ENGINES := $(foreach engine,dvc dagster kubeflow,$(foreach group,train dev,--group .venv/with-$(engine)/pyproject.toml:$(group)))
COPY := .venv/bin/copier copy --defaults --quiet --vcs-ref HEAD

.PHONY: help install demo variant check test test-quick mutants bench release

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s%s\n", $$1, $$2}' Makefile

.venv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found as python3 or python3.11; install it, or put it on the PATH."; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/bin/copier: pyproject.toml | .venv/bin/uv
	$(INSTALL) .venv --group render
	@touch $@

# The tests use what a default project needs, as its own pyproject.toml says, and beside it what one with Feast does.
.venv/installed: pyproject.toml {{cookiecutter.project_slug}}/pyproject.toml | .venv/bin/copier
	rm -rf .venv/with-*
	for answer in $(ENVIRONMENTS); do $(COPY) --data $$answer . .venv/with-$${answer#*=}; done
	$(INSTALL) .venv --compile-bytecode --group dev $(call NEEDS,.venv/with-duckdb) $(ENGINES)
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv/feast
	$(INSTALL) .venv/feast --compile-bytecode $(call NEEDS,.venv/with-feast) $(ENGINES)
	@touch $@

install: .venv/installed ## make .venv with all that the targets below need

demo: .venv/bin/copier ## render the default answers into ./demo, train there and print one prediction
	@if [ -e demo ]; then echo "./demo is there already and is used again; remove it for a fresh one."; \
	else $(COPY) . demo && echo "Rendered ./demo."; fi
	$(MAKE) -C demo install run
	$(MAKE) -C demo predict

variant: .venv/bin/copier ## render ./variant and run all it has, e.g. make variant ANSWERS="model=single serving=batch"
	@test ! -e variant || { echo "./variant is there already; remove it first."; exit 1; }
	@set --; for answer in $(ANSWERS); do set -- "$$@" --data "$$answer"; done; $(COPY) "$$@" . variant
	$(MAKE) -C variant install check test run predict

check: install ## lint, formatting and types of the template's own code
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

test: check ## everything: every variant rendered, checked and run; projects installed; a table of it at the end
	.venv/bin/pytest -n 2 --variants all

test-quick: install ## variants in which each answer meets each other one; no installation
	.venv/bin/pytest -n 2 --variants pairs -m "not slow"

mutants: install ## seed faults into the template and see the tests go red; writes docs/mutations.md
	.venv/bin/python tests/mutants.py

bench: install ## what a render takes, a first answer, and a variant; the feature store and the API against their peers; what engines cost
	.venv/bin/python bench/render.py
	.venv/bin/python bench/first_answer.py
	.venv/bin/python bench/variant.py
	.venv/bin/python bench/feature_store.py
	.venv/bin/python bench/engines.py
	.venv/bin/python bench/serving.py

release: ## test, date the changelog, set the version, commit and tag: make release VERSION=0.2.0
	@$(PYTHON) tools/release.py "$(VERSION)" "$(TEST)"
