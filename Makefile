# The developer's verbs. `make help` lists them; CI runs the same ones.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
IMAGE ?= ghcr.io/saladtechnologies/virtual-kubelet-saladcloud
IMAGE_TAG ?= $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' src/scvk/__init__.py)

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-full check format docs campaign bench build-image clean

help: ## list the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml uv.lock scripts/install
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh scripts/install

demo: $(VENV)/.installed ## a real cluster, a simulated SaladCloud and the walkthrough's Deployment
	@$(RUN)/scvk demo

test: $(VENV)/.installed ## what a developer runs: unit, integration and end-to-end tests
	@sh scripts/test

test-unit: $(VENV)/.installed ## the milliseconds part of `make test`
	@$(RUN)/pytest -q tests/unit

test-full: $(VENV)/.installed ## the long rest: both Kubernetes versions, kill loops
	@sh scripts/test --full

check: $(VENV)/.installed ## format, lint, types, layers, generated pages
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-logo
	@$(RUN)/python scripts/generate_docs.py --check

format: $(VENV)/.installed ## rewrite formatting and import order
	@$(RUN)/ruff format .
	@$(RUN)/ruff check --fix .

docs: $(VENV)/.installed ## rewrite the pages that are generated from code
	@$(RUN)/python scripts/generate_docs.py

campaign: $(VENV)/.installed ## 20,000 random histories from fresh seeds, for hours; the same command resumes it
	@sh scripts/campaign

bench: $(VENV)/.installed ## measured figures, with the limits they are compared with
	@$(RUN)/python -m tests.integration.agent.bench
	@$(RUN)/python -m scvk.bench

build-image: ## the agent as a container image; needs a container engine
	docker build --tag $(IMAGE):$(IMAGE_TAG) --build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) .

clean: ## remove what the verbs made in this folder
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
