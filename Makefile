# Two commands matter: `make demo` and `make test`. Everything else is in `make help`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo run test check types bench screenshots clean setup requirements format

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# Three test processes, each with servers of its own: tests with workers, browsers and deadlines wait a sixth of the time,
# and a third process uses what two leave of two cores. The same seed gives all the same names of tests. Files go to them
# in the order of tests/conftest.py, which begins with the longest.
# Bytecode is kept even where the environment says otherwise: tests start many processes, and each would compile all of it.
PYTEST := env -u PYTHONDONTWRITEBYTECODE PYTHONHASHSEED=0 $(PY) -m pytest --session-timeout=2400 -n 3 --dist loadfile --no-loadscope-reorder
# Ports, servers, secrets: see .env.example. What is set on the command line (WEB_PORT=9000) reaches every process.

help:  ## say what there is
	@echo "make demo          set up, start everything and walk one booking from reservation to refund"
	@echo "make demo ONCE=1   the same, and stop after the story"
	@echo "make demo GATEWAY=external   the same story through another gateway (see docs/)"
	@echo "make run           web, worker, beat and sandbox processors until Ctrl-C"
	@echo "make test          all tests, on servers of their own   (ARGS=\"-k webhook\")"
	@echo "make check         format, lint, types, import contracts, migrations, deployment, audit, tests"
	@echo "make bench         how fast webhooks, confirmations, pages and files are   (ARGS=pages)"
	@echo "make screenshots   pictures of the back office in docs/screenshots/, at two widths (needs Chromium)"
	@echo "make format        put the code in order"
	@echo "make requirements  compile requirements/*.in into locks with hashes"
	@echo "make clean         remove what all of this made: .venv, var, caches"
	@echo
	@echo "Settings: WEB_PORT (8000), SANDBOX_PORT (8100), DATABASE_URL and REDIS_URL (embedded servers when unset),"
	@echo "          EMBEDDED_POSTGRES (18 or 16), PYTHON (3.11, 3.12 or 3.13)"

setup: $(STAMP)

$(STAMP): requirements/local.txt
	@.ci/setup $(VENV) requirements/local.txt "$(PYTHON)"
	@touch $@

demo: $(STAMP)
	@exec $(PY) -m config.demo $(if $(ONCE),--once) $(if $(GATEWAY),--gateway $(GATEWAY))

run: $(STAMP)
	@exec $(PY) -m config.processes

test: $(STAMP)
	@exec $(PYTEST) $(ARGS)

bench: $(STAMP)
	@exec $(PY) -m bench $(ARGS)

check: $(STAMP)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run --settings config.settings.test
	$(PY) .ci/check_deploy.py
	@$(PY) .ci/audit.py
	@$(MAKE) --no-print-directory --jobs=2 types test

# Beside the tests, which wait often enough: nice, so that it takes nothing from those that look at the clock.
types: $(STAMP)
	nice $(PY) -m mypy .

screenshots: $(STAMP)
	@exec $(PY) -m tests.browser.screenshots

format: $(STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# Universal, so that one lock serves Python 3.11.0 to 3.13; wheels only, so that nobody needs a compiler.
requirements: $(STAMP)
	@for name in base production local; do \
		$(PY) -m uv pip compile --quiet --universal --generate-hashes --no-build --python-version 3.11 --no-header \
			--no-emit-index-url --no-emit-find-links --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

clean:
	@.ci/clean
