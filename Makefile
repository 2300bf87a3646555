# edgereel: each target is one line of purpose in `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# llama.cpp is compiled once, without the parts that are not used here; pip keeps the wheel in its cache.
LLAMA_BUILD := CMAKE_ARGS="-C $(CURDIR)/tools/wheels/llama.cmake" SKBUILD_WHEEL_EXCLUDE="bin/**;include/**;lib/**"
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(VENV)/.runtime ## set up, fetch the language model, and make out/demo.mp4 from a sentence
	$(BIN)/edgereel models pull smollm2-135m-expand
	mkdir -p out
	$(BIN)/edgereel generate "a red balloon rises over snowy mountains" --out out/demo.mp4 --poster out/demo.jpg

.PHONY: test
test: $(VENV)/.dev ## everything that a change must pass
	$(BIN)/edgereel models pull smollm2-135m
	$(BIN)/python -m pytest

.PHONY: faults
faults: $(VENV)/.dev ## the fault suite in its long form, about an hour; writes docs/faults.md
	EDGEREEL_FAULTS=full EDGEREEL_FAULTS_REPORT=docs/faults.md $(BIN)/python -m pytest tests/faults

.PHONY: install-test
install-test: $(VENV)/.dev ## systemd/install.sh on a fresh, booted Debian 12; root and debootstrap, about 10 minutes
	@for tool in debootstrap unshare nsenter ip; do command -v $$tool >/dev/null || { echo "edgereel: $$tool is missing; sudo \
	apt-get install debootstrap util-linux iproute2" >&2; exit 1; }; done
	@((EUID == 0)) || { echo "edgereel: this needs root: sudo make install-test" >&2; exit 1; }
	$(BIN)/python -m pytest tests/install

.PHONY: setup
setup: $(VENV)/.dev ## only make .venv, with everything that `make test` needs

.PHONY: lock
lock: $(VENV)/.dev ## write the lock files from what is installed in .venv
	$(BIN)/python .ci/lock.py

.PHONY: clean
clean: ## remove what make made, except .venv and pulled models
	rm -rf out dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find edge tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@PYTHON="$(PYTHON)" .ci/system build
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml
	$(LLAMA_BUILD) $(BIN)/python -m pip install -q -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@.ci/system test
	$(BIN)/python -m pip install -q -r requirements-dev.lock
	touch $@

# Training and packing (tools/convert) -------------------------------------------------------------------------------
# Its own environment: torch and onnx live there and only there. A run resumes from whatever phases it finds in RUN.
CONVERT := .venv-convert
RUN ?= runs/reduced
LATENTS ?= runs/latents
CONFIG ?= tools/convert/tinyvideo/reduced.yaml
PACK ?= models/tinyreel
TINYVIDEO := $(CONVERT)/bin/python -m tools.convert.tinyvideo
AUTOENCODER := $(CONVERT)/bin/python -m tools.convert.latents

.PHONY: train
train: $(CONVERT)/.made ## the full training run, phase by phase, resumable; ends with a new models/tinyreel
	$(AUTOENCODER) all --config $(CONFIG) --out $(LATENTS)
	$(TINYVIDEO) all --config $(CONFIG) --out $(RUN) --latents $(LATENTS) --pack $(PACK)

.PHONY: sheet
sheet: $(CONVERT)/.made ## draw docs/clips.png from the shipped pack
	$(TINYVIDEO) sheet --pack $(PACK) --out $(RUN)

# N clips per prompt set (all), STEPS denoising steps (those of direct mode), SET prompt sets with commas, JUDGE any
# other options: JUDGE=--renders judges the judges, JUDGE=--help explains.
SET ?= p1
N ?=
STEPS ?=
JUDGE ?=
.PHONY: judge
judge: $(CONVERT)/.made ## quality of a pack: PACK=, N=, STEPS=, SET=, JUDGE=; table, out/judge.json, out/judge.png
	$(CONVERT)/bin/python -m tools.convert.judge --pack $(PACK) --set $(SET) $(if $(N),--clips $(N)) \
		$(if $(STEPS),--steps $(STEPS)) $(JUDGE)

.PHONY: judges
judges: $(CONVERT)/.made ## train the recognisers on fresh renders; resumable, about 6 h each on one core
	for phase in views r_eval r_train; do $(TINYVIDEO) $$phase --out runs/judges; done

# EXAMPLES to learn from; TUNE any other options: TUNE='--threads 1 --minutes 60'. It goes on from runs/expander/tune.pt.
TUNED := runs/expander
EXAMPLES ?= 60000
TUNE ?=
.PHONY: tune
tune: $(VENV)/.runtime $(CONVERT)/.made ## tune the language model for expanding prompts; resumable, a night; EXAMPLES=, TUNE=
	mkdir -p $(TUNED)
	ln -sf "$$($(BIN)/edgereel models pull smollm2-135m)" $(TUNED)/base.gguf
	test -e $(TUNED)/train.npz || \
		$(BIN)/python -m tools.convert.expander.tokens --count $(EXAMPLES) --out $(TUNED)/train.npz
	test -e $(TUNED)/held_out.npz || \
		$(BIN)/python -m tools.convert.expander.tokens --count 500 --held-out --seed 2 --out $(TUNED)/held_out.npz
	$(CONVERT)/bin/python -m tools.convert.expander.tune $(TUNE)
	$(CONVERT)/bin/python -m tools.convert.expander.export --out models/smollm2-135m-expand

.PHONY: autoencoder
autoencoder: $(CONVERT)/.made ## train and judge the autoencoder; resumable, about 2 h on two cores
	for phase in all judge; do $(AUTOENCODER) $$phase --config $(CONFIG) --out $(LATENTS); done

.PHONY: tinypack
tinypack: TINY := tools/convert/tinyvideo/tiny.yaml
tinypack: $(CONVERT)/.made ## make the tests' tiny pack anew with the real exporter
	$(AUTOENCODER) all --config $(TINY) --out runs/tiny
	$(TINYVIDEO) all --config $(TINY) --out runs/tiny --latents runs/tiny --pack tests/data/tinypack
	$(BIN)/edgereel models trust tinypack --set paths.models=$(CURDIR)/tests/data

.PHONY: convert-test
convert-test: $(CONVERT)/.made ## test the workshop in its own environment
	$(CONVERT)/bin/python -m pytest tests/convert tests/test_scenes.py tests/test_generator.py

$(CONVERT)/.made: requirements.lock requirements-convert.txt
	@PYTHON="$(PYTHON)" .ci/system build
	$(PYTHON) -m venv $(CONVERT)
	CMAKE_ARGS="$(LLAMA_CMAKE_ARGS)" $(CONVERT)/bin/python -m pip install -q -r requirements.lock -c requirements-dev.lock \
		-r requirements-convert.txt pytest
	touch $@

# ARM wheels ---------------------------------------------------------------------------------------------------------
# Cross-compiled here, then installed and run on an emulated core (docs/wheels.md). A second run only tells the first.
WHEELS := .venv-wheels

.PHONY: wheels
wheels: $(WHEELS)/.made ## the wheels for ARM boards, in dist/wheels; the first time about 10 minutes of two free cores
	@.ci/system wheels
	model="$$($(WHEELS)/bin/python -m edge models pull smollm2-135m)" && \
		$(WHEELS)/bin/python -m tools.wheels --model "$$model"
	$(WHEELS)/bin/python -m pip wheel -q --no-deps --no-build-isolation -w dist/wheels .
	@ls dist/wheels/*.whl

$(WHEELS)/.made: tools/wheels/requirements.txt requirements.lock
	@PYTHON="$(PYTHON)" .ci/system build
	$(PYTHON) -m venv $(WHEELS)
	$(WHEELS)/bin/python -m pip install -q -r $< -c requirements.lock
	touch $@

# Home Assistant -----------------------------------------------------------------------------------------------------
# Its core in its own environment, with the Python that this release of it wants; the board beside it runs in .venv.
HA := .venv-ha
HA_PYTHON ?= python3.13

.PHONY: ha-test
ha-test: $(VENV)/.dev $(HA)/.made ## Home Assistant's own code against a real board; needs Python 3.13: HA_PYTHON=
	EDGEREEL_PYTHON=$(CURDIR)/$(BIN)/python $(HA)/bin/python -m pytest -c tests/ha/pytest.ini tests/ha

$(HA)/.made: tests/ha/requirements.txt
	@$(HA_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { echo "edgereel: \
	$(HA_PYTHON) is no Python 3.13, which Home Assistant 2025.4 needs. Say which one is: make ha-test HA_PYTHON=PATH" >&2; exit 1; }
	$(HA_PYTHON) -m venv $(HA)
	$(HA)/bin/python -m pip install -q -r tests/ha/requirements.txt
	touch $@

# The page ------------------------------------------------------------------------------------------------------------
# A real browser in front of a real board. The browser is the system's; what drives it has an environment of its own.
PAGE := .venv-page
CHROMIUM ?= chromium

.PHONY: page-test
page-test: $(VENV)/.dev $(PAGE)/.made ## the page in headless Chromium against a real board; draws docs/gallery-*.png; CHROMIUM=
	@command -v "$(CHROMIUM)" >/dev/null || .ci/system page
	EDGEREEL_PYTHON=$(CURDIR)/$(BIN)/python CHROMIUM="$(CHROMIUM)" \
		$(PAGE)/bin/python -m pytest -c tests/page/pytest.ini tests/page

$(PAGE)/.made: tests/page/requirements.txt
	$(PYTHON) -m venv $(PAGE)
	$(PAGE)/bin/python -m pip install -q -r tests/page/requirements.txt
	touch $@

# The tests' small diffusers pack -------------------------------------------------------------------------------------
.PHONY: tinydiffusers
tinydiffusers: $(CONVERT)/.made ## make the tests' tiny diffusers pack anew with the real converter
	rm -rf runs/tinydiffusers tests/data/tinydiffusers
	PYTHONPATH=. $(CONVERT)/bin/python tests/convert/pipelines.py runs/tinydiffusers
	$(CONVERT)/bin/python -m tools.convert onnx runs/tinydiffusers --out tests/data --size 16x16 --frames 3 --steps 1 \
		--steps 2 --calibrate 1
	rm tests/data/tinydiffusers/report.*
	$(BIN)/edgereel models trust tests/data/tinydiffusers --set paths.models=$(CURDIR)/tests/data

# Measurements --------------------------------------------------------------------------------------------------------
# Peers that are Python live in an environment of their own; llama.cpp's programs are built from the same source package
# as the library here, with llama.cpp's own options. BENCH any options: BENCH=--help explains.
BENCH ?=
PEERS := .venv-bench
LLAMA_CPP := $(shell sed -n 's/^llama-cpp-python==//p' requirements.lock)
LLAMA_SOURCE := .bench/sdist/llama_cpp_python-$(LLAMA_CPP)
LLAMA_PEERS := .bench/build/llama
WITHOUT := LLAMA_BUILD_TESTS LLAMA_BUILD_UI LLAMA_USE_PREBUILT_UI LLAMA_OPENSSL LLAMA_BUILD_APP LLAMA_BUILD_EXAMPLES

.PHONY: bench
bench: $(VENV)/.dev bench-peers ## speed and memory beside peers, about an hour on a quiet machine; writes bench/results.md
	for model in smollm2-135m smollm2-135m-expand; do $(BIN)/edgereel models pull $$model; done
	$(BIN)/python -m bench $(BENCH)

.PHONY: bench-peers
bench-peers: $(PEERS)/.made $(LLAMA_PEERS)/bin/llama-server ## only build what `make bench` compares with, about 15 minutes

$(PEERS)/.made: requirements-bench.txt requirements.lock
	@PYTHON="$(PYTHON)" .ci/system build
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q -r requirements-bench.txt -c requirements.lock
	touch $@

$(LLAMA_SOURCE).tar.gz:
	mkdir -p $(@D)
	$(PYTHON) -m pip download -q --no-deps --no-binary :all: -d $(@D) llama-cpp-python==$(LLAMA_CPP)

$(LLAMA_PEERS)/bin/llama-server: $(LLAMA_SOURCE).tar.gz
	@.ci/system bench
	tar -xzf $< -C $(<D)
	cmake -S $(LLAMA_SOURCE)/vendor/llama.cpp -B $(LLAMA_PEERS) -G Ninja -DCMAKE_BUILD_TYPE=Release \
		$(WITHOUT:%=-D%=OFF) -DCMAKE_PROJECT_INCLUDE=$(CURDIR)/bench/peers.cmake >/dev/null
	cmake --build $(LLAMA_PEERS) --parallel $(CMAKE_BUILD_PARALLEL_LEVEL) --target llama-bench llama-server

# The emulated board -------------------------------------------------------------------------------------------------
# The base system, the wheels and the card's changes are kept in runs/board; `rm -r runs/board` starts anew.
.PHONY: board
board: $(VENV)/.dev ## edgereel on an emulated 1 GB ARM board, installed, asked, unplugged; an hour; writes docs/board.md
	@for tool in mmdebstrap arch-test qemu-system-aarch64 qemu-img qemu-aarch64-static fakeroot ssh; do \
	command -v $$tool >/dev/null || { echo "edgereel: $$tool is missing; sudo apt-get install mmdebstrap arch-test \
	qemu-system-arm qemu-utils qemu-user-static fakeroot openssh-client" >&2; exit 1; }; done
	@arch-test arm64 >/dev/null || { echo "edgereel: this kernel does not run programs for ARM by qemu-user-static; \
	sudo systemctl restart systemd-binfmt" >&2; exit 1; }
	@compgen -G "dist/wheels/armv8.*/llama_cpp_python-*.whl" >/dev/null || $(MAKE) wheels
	$(BIN)/edgereel models pull smollm2-135m
	$(BIN)/python -m pytest -x -s tests/board
