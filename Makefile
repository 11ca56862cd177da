# The one door: people, hooks and CI build, check and measure through these targets. `make` lists them.
#
# Everything is made inside the checkout (.venv, target, dist); CARGO_TARGET_DIR moves what cargo makes.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
TARGET := $(or $(CARGO_TARGET_DIR),target)

# The first Python that is new enough; the name alone does not tell, it may be a shim.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

NATIVE := Cargo.toml Cargo.lock $(shell find rust/core rust/ledger rust/py -type f -not -path '*/tests/*' 2>/dev/null)
BENCH_HARNESS ?= ../shared/bench/compare.py
BENCH_ARGS ?= --only nginx,headgate --quick --rounds 3
FUZZ_SECONDS ?= 20
FUZZ_TARGETS := http1 sse scan wire_request wire_answer wire_stream wire_embeddings

##@ Use

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: $(STAMPS)/built ## Make .venv/bin/headgate, the native core included

.PHONY: run
run: build ## Serve configs/quickstart.yaml on 127.0.0.1:8080
	@exec $(BIN)/headgate serve -c configs/quickstart.yaml

.PHONY: wheel
wheel: $(STAMPS)/dev ## Make an abi3 wheel in dist/
	@rm -rf dist
	$(BIN)/maturin build --release --out dist --interpreter $(BIN)/python

##@ Check

.PHONY: check
check: lint test ## All of lint and test

.PHONY: test
test: build $(STAMPS)/node ## Run every test, Rust's and Python's
	@tools/debian.sh openssl
	cargo test --workspace --locked
	$(BIN)/python -m pytest

.PHONY: lint
lint: build ## Check style, types, architecture and licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy python
	$(BIN)/python -m mypy.stubtest headgate._core
	$(BIN)/lint-imports
	cargo fmt --check
	cargo fmt --check --manifest-path rust/bench/Cargo.toml
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --manifest-path rust/bench/Cargo.toml --target-dir $(TARGET)/bench --locked -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
		else $(BIN)/python tools/check_crates.py; fi

.PHONY: fmt
fmt: $(STAMPS)/dev ## Format Python and Rust, and sort imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	cargo fmt
	cargo fmt --manifest-path rust/bench/Cargo.toml

.PHONY: coverage
coverage: build $(STAMPS)/node ## Run the Python tests and say which lines they leave out
	$(BIN)/python -m pytest --cov=headgate --cov-branch --cov-report=term-missing:skip-covered -m "not slow"

.PHONY: golden
golden: ## Rewrite the golden files; read the diff
	HEADGATE_REWRITE_GOLDEN=1 cargo test --package headgate-core --locked --quiet \
		--test wire_openai_chat --test wire_responses --test wire_golden --test wire_matrix

.PHONY: fuzz
fuzz: ## Fuzz the native readers for FUZZ_SECONDS (20) each
	@rustup toolchain list | grep -q nightly \
		|| { echo "cargo-fuzz needs a nightly compiler: rustup toolchain install nightly" >&2; exit 1; }
	@cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
	@for target in $(FUZZ_TARGETS); do \
		cargo +nightly fuzz run --fuzz-dir rust/fuzz $$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1; done

.PHONY: audit
audit: $(STAMPS)/dev ## Look for known vulnerabilities of what is depended upon
	$(BIN)/python -m pip install --quiet --group audit
	$(BIN)/pip-audit --skip-editable
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check advisories bans licenses sources; \
	elif cargo audit --version >/dev/null 2>&1; then cargo audit; \
	else $(BIN)/python tools/check_crates.py; \
		echo "Advisories of crates were not looked up: cargo install cargo-deny --locked" >&2; fi

##@ Measure

.PHONY: bench
bench: build ## Measure and print, time beside budget
	@tools/debian.sh valgrind
	@$(BIN)/python -m benches

.PHONY: bench-check
bench-check: build ## Measure and fail over benches/budgets.toml
	@tools/debian.sh valgrind
	@$(BIN)/python -m benches --check

.PHONY: bench-load
bench-load: build ## Run the whole gateway beside nginx in the same run (BENCH_ARGS)
	@test -f $(BENCH_HARNESS) || { echo "No load harness at $(BENCH_HARNESS): set BENCH_HARNESS" >&2; exit 1; }
	@tools/debian.sh nginx wrk
	BENCH_PEERS=benches/load/headgate.toml $(BIN)/python $(BENCH_HARNESS) $(BENCH_ARGS)

##@ Other

.PHONY: clean
clean: ## Remove all that was made
	rm -rf $(VENV) dist target python/headgate/_core*.so tests/e2e/sdk/node/node_modules .pytest_cache .mypy_cache .ruff_cache \
		.hypothesis .benchmarks .coverage .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/dev: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Headgate needs Python 3.11 or later" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --group dev
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/built: $(STAMPS)/dev $(NATIVE)
	@command -v cargo >/dev/null || { echo "Headgate's native core needs a Rust toolchain, see rustup.rs" >&2; exit 1; }
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --locked
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node: tests/e2e/sdk/node/package-lock.json
	@command -v npm >/dev/null || { echo "The Node SDK's tests need node and npm" >&2; exit 1; }
	@cd tests/e2e/sdk/node && npm ci --no-audit --no-fund --silent
	@mkdir -p $(STAMPS) && touch $@
