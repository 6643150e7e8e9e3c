# Every target works from a bare checkout: what it needs is installed first, into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The tiers of `make test` share two cores and take turns, also with -j.
.NOTPARALLEL:

VENV := .venv/bin
READY := .venv/.ready
CALLBOARD := $(VENV)/callboard
PYTEST := $(VENV)/python -m pytest

export PYTHON
export SAM_CLI_TELEMETRY := 0
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

TIERS := unit integration contract e2e faults
# Seconds after which a tier has failed, on two cores.
BUDGET_unit := 120
BUDGET_integration := 480
BUDGET_contract := 120
BUDGET_e2e := 480
BUDGET_faults := 600
OPTIONS_integration := -n 2

.PHONY: help
help: ## Show this
	@echo "Callboard: make TARGET"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

.PHONY: setup
setup: $(READY) ## Install Python packages into .venv; quick when nothing changed
	@:

$(READY): pyproject.toml uv.lock .python-version infra/local/bootstrap
	@infra/local/bootstrap
	@touch $@

.PHONY: demo
demo: setup ## Produce pictures from a brief to approved assets, live; they land in .local/out
	@$(CALLBOARD) demo

.PHONY: up
up: setup ## Start the local stack, or deploy the sources to a running one
	@$(CALLBOARD) up

.PHONY: down
down: setup ## Stop the local stack and forget its data; logs and pictures stay in .local
	@$(CALLBOARD) down

.PHONY: test
test: $(TIERS:%=test-%) ## Run all tests, tier by tier (one tier: make test-unit, ...)

.PHONY: $(TIERS:%=test-%)
$(TIERS:%=test-%): test-%: setup
	@if [ -z "$$(find tests/$* -name 'test_*.py' -print -quit 2>/dev/null)" ]; then \
		echo "== $*: no tests"; \
	else \
		echo "== $* (at most $(BUDGET_$*) s)"; \
		timeout --foreground --kill-after=30 $(BUDGET_$*) $(PYTEST) tests/$* $(OPTIONS_$*); \
	fi

.PHONY: check
check: setup ## Check format, types, arrows between modules, the template and the lock file
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/cfn-lint template.yaml
	@# The SAM CLI wants a region even to read a template.
	AWS_DEFAULT_REGION=us-east-1 $(VENV)/sam validate --lint
	@infra/local/bootstrap lock

.PHONY: conformance
conformance: setup .local/conformance/.ready ## Run MCP's conformance suite and inspector against a local stack; needs npm
	@PYTHONPATH=tests $(VENV)/python -m conformance

.local/conformance/.ready: tests/conformance/package.json tests/conformance/package-lock.json
	@mkdir -p $(@D)
	@cp $^ $(@D)/
	@npm ci --prefix $(@D) --silent --no-audit --no-fund
	@touch $@

.PHONY: bench
bench: setup ## Measure agents' steps and projects' memory against floors and peers, into docs/benchmarks.md
	@PYTHONPATH=tests $(VENV)/python -m bench

.PHONY: openapi
openapi: setup ## Write the OpenAPI document that the functions' routes make
	$(VENV)/python -m callboard_local.openapi

.PHONY: build
build: export ARCHITECTURE ?= arm64
build: setup ## Build what `sam deploy` uploads, into .aws-sam, and show its sizes (ARCHITECTURE=x86_64: not for arm64)
	PATH="$(CURDIR)/$(VENV):$(CURDIR)/.local/uv/bin:$$PATH" $(VENV)/sam build \
		--parameter-overrides Architecture=$(ARCHITECTURE)
	@$(VENV)/python -m callboard_local.build_sizes

.PHONY: format
format: setup ## Format the sources and fix what ruff can
	$(VENV)/ruff format
	$(VENV)/ruff check --fix

.PHONY: clean
clean: ## Stop the local stack and remove everything that was installed or made
	@if [ -x $(CALLBOARD) ]; then $(CALLBOARD) down; fi
	rm -rf .venv .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
