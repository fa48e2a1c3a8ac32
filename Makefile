# instastream: `make demo` shows it, `make test` proves it. Both set up what they need.

BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test long nemesis check audit schemas lock bench clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with what requirements.lock names
	@infra/setup

demo: setup ## photographs and a video from upload to feeds, then load and a check, on real servers
	@$(BIN)/instastream demo

up: setup ## start everything on this machine and print the addresses
	@$(BIN)/instastream up

down: ## stop everything that `make up` started
	@if [ -x $(BIN)/instastream ]; then $(BIN)/instastream down; fi

status: setup ## what runs on this machine
	@$(BIN)/instastream status

test: setup ## every test, on real servers (ARGS="-k feed" for some)
	@$(BIN)/python -m pytest $(ARGS)

long: setup ## the tests that take about a minute each
	@$(BIN)/python -m pytest -m long $(ARGS)

nemesis: setup ## every fault under load, and every promise checked (ARGS="--rounds 10", ARGS=--help)
	@$(BIN)/python -m tests.nemesis $(ARGS)

check: setup ## lint, types, import contract, schemas, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/instastream schemas --check
	@$(BIN)/python -m infra.audit

audit: setup ## ask whether a dependency is known to be vulnerable
	@rm -f .venv/instastream.audit
	@$(BIN)/python -m infra.audit

schemas: setup ## write the published contracts of events and API
	@$(BIN)/instastream schemas

lock: setup ## write requirements.lock anew from pyproject.toml
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-annotate --no-header --output-file requirements.lock pyproject.toml

bench: setup ## all benches, or one: make bench NAME=variants
	@$(BIN)/instastream bench $(NAME)

clean: ## stop, and forget everything that was made here
	@if [ -d .instastream ] && [ ! -x $(BIN)/instastream ]; then infra/setup; fi
	@if [ -d .instastream ]; then $(BIN)/python -m infra.clean; fi
	@rm -rf .venv bench/out
