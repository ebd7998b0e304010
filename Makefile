# make        set up what is missing and build
# make demo   the main job on real photographs: plan, run, show the result
# make test   all tests of the CI tier (unit, plan, run, conformance, sanitizers, Python)
.DEFAULT_GOAL := all
.PHONY: all setup setup-tests build test test-unit test-sanitize test-python check check-full bench demo format clean third-party install

BUILD ?= build
PYTHON := .venv/bin/python
JOBS ?= $(shell nproc)
SMOL_DATA_DIR ?= $(abspath ../shared/data)
export SMOL_DATA_DIR
# The package is assembled in the build folder; one compiler cache serves all build folders and the wheel.
export PYTHONPATH := $(abspath $(BUILD))/python
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

all: build

setup:
	@scripts/setup.sh

setup-tests:
	@scripts/setup.sh tests

build: setup
	@cmake -B $(BUILD) -G Ninja -DSMOL_WITH_PYTHON=ON $(CMAKE_FLAGS) > $(BUILD).configure.log 2>&1 || { cat $(BUILD).configure.log; exit 1; }
	@rm -f $(BUILD).configure.log
	@cmake --build $(BUILD) -j $(JOBS)

demo: build
	@$(BUILD)/smol demo -o demo --python $(abspath $(PYTHON))

test: build test-unit test-sanitize test-python
	@echo "all tests passed"

test-unit: build setup-tests
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS) --timeout 900

# Our own code under ASan and UBSan: the rooms without OpenVINO and Arrow (opaque libraries are not instrumented).
test-sanitize: setup
	@cmake -B build-asan -G Ninja -DSMOL_SANITIZE=address,undefined -DSMOL_WITH_OPENVINO=OFF -DSMOL_WITH_PARQUET=OFF > /dev/null
	@cmake --build build-asan -j $(JOBS)
	@ctest --test-dir build-asan --output-on-failure -j $(JOBS) --timeout 900 -LE slow

test-python: build setup-tests
	@$(PYTHON) -m pytest -q -n $(JOBS) --dist worksteal python/tests tests/run

check: setup
	@scripts/check.sh

# Thread sanitizer, long fuzzing, soak: the slow tier. Writes a dated result into bench/results.
check-full: build
	@scripts/check_full.sh

bench: build
	@$(PYTHON) bench/run.py

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i
	@.venv/bin/ruff format python bench scripts tests

third-party: setup-tests
	@$(PYTHON) scripts/third_party.py > THIRD_PARTY.md

install: build
	@cmake --install $(BUILD)

clean:
	rm -rf build build-asan build-tsan
