# What a developer types. VENV names another environment, PYTHON another interpreter.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
READY = $(VENV)/.ready
DEMO = $(VENV)/.demo

.PHONY: demo test test-browser reliability test-engine audit lint format bench growth docs dist lock clean clients

demo: $(DEMO) ## speak on the local engine: no account needed
	$(BIN)/audiochat speak "Is a golden retriever a good family dog?" -o dog.wav

test: $(READY) ## the fast tests
	$(BIN)/python -m pytest -n auto -m "not engine and not reliability and not browser"

test-browser: $(READY) ## the page in Chromium (Debian: apt install chromium fonts-inter); skipped where there is none
	$(BIN)/python -m pytest -m "browser and not engine"

reliability: $(READY) ## faults, endings and bad input by the thousand; prints the table of docs/reliability.md
	$(BIN)/python -m pytest -n auto -m "reliability and not engine" --tally

test-engine: $(READY) ## the tests with the engine's real models
	$(BIN)/python -m pytest -m engine

clients: .clients/.ready ## clients that others wrote, which the tests of the server then run (needs node and npm)

audit: $(READY) ## what is known against the packages of the lock
	$(BIN)/python .ci/audit

lint: $(READY) ## what CI checks besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## the figures of docs/performance.md: audiochat beside its peers (about ten minutes, on a quiet machine)
	$(BIN)/python benchmarks/run.py --engine

growth: $(READY) ## the drawings of docs/performance.md: how cost grows
	$(BIN)/python benchmarks/growth.py

docs: $(READY) ## the documentation as a site of files, in site/
	$(BIN)/python docs/generate.py
	$(BIN)/zensical build --strict

dist: $(READY) ## the packages to publish, checked
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/pip-licenses --from=mixed --order=license --summary

lock: ## renew requirements-dev.lock after a change of dependencies (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header \
		--all-extras --group dev --output-file requirements-dev.lock --upgrade pyproject.toml
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --output-file tests/web/clients/requirements.lock --upgrade tests/web/clients/requirements.in

clean:
	rm -rf $(VENV) .bench-venv .clients site .mypy_cache .pytest_cache .ruff_cache

# What users install, without the tools of those who work on it: make test brings them.
$(DEMO): pyproject.toml
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing audiochat and its local engine (about 120 MB to download, a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local]'
	@echo "Installed: $$(du -sh $(VENV) | cut -f1) in $(VENV)"
	@touch $@

$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.clients/.ready: tests/web/clients/requirements.lock tests/web/clients/package-lock.json
	$(PYTHON) -m venv .clients/venv
	.clients/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	cp tests/web/clients/package.json tests/web/clients/package-lock.json .clients
	npm ci --prefix .clients --ignore-scripts --no-audit --no-fund
	touch $@
