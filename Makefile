# Everything a person types first. The work is done by local/bootstrap.py (.venv from the lock) and
# by croft. PYTHON is any Python 3.11 or newer; ARGS goes to the command, as in: make test ARGS=-x
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) -m local.bootstrap
UV ?= uv

.PHONY: up down status test bench lint lock

up:  ## obtain the servers and start the platform
	@$(BOOTSTRAP)
	@.venv/bin/croft up $(ARGS)

down:  ## stop the platform; the data stays
	@$(BOOTSTRAP)
	@.venv/bin/croft down $(ARGS)

status:  ## what runs
	@$(BOOTSTRAP)
	@.venv/bin/croft status $(ARGS)

test:  ## every test; the platform they need is their own
	@$(BOOTSTRAP) --dev
	@.venv/bin/python -m local.toolbox
	@.venv/bin/pytest -n 2 --no-loadscope-reorder $(ARGS)

bench:  ## figures for docs/benchmarks.md
	@$(BOOTSTRAP) --dev
	@.venv/bin/python -m bench $(ARGS)

lint:  ## the gates of make test that need no server
	@$(BOOTSTRAP) --dev
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml
lock:  ## after a change of dependencies in pyproject.toml; neither file may name an index
	$(LOCK) --group build -o requirements.lock
	$(LOCK) --group dev --group build -c requirements.lock -o requirements-dev.lock
