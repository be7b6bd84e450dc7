# The commands of the README; `make help` lists them. Everything is installed into $(VENV).
#
#   make PYTHON=python3.12 JOBS=4 test ARGS="-k peaks"
#   make demo PHOTO=street.jpg WEIGHTS=openpose.safetensors
#   CMAKE_ARGS="-DHEATPOSE_CUDA=OFF" make test

PYTHON ?= python3
JOBS   ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
VENV   ?= .venv
CXX    ?= c++
ARGS   ?=

PEOPLE  ?= 12
OUT     ?= out/demo.png
PHOTO   ?=
WEIGHTS ?=
$(if $(and $(PHOTO),$(if $(WEIGHTS),,none)),$(error PHOTO=... needs WEIGHTS=... too))

BIN     := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

# What the native module and the metadata are made of; Python files need no new install.
SOURCES := $(shell find csrc cmake -type f) CMakeLists.txt pyproject.toml \
           python/heatpose/__init__.py
BENCHES := $(basename $(notdir $(wildcard benchmarks/bench_*.py)))

export CMAKE_BUILD_PARALLEL_LEVEL = $(JOBS)

.PHONY: help install demo test lint format bench sanitize clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^##/ /p' $(firstword $(MAKEFILE_LIST))

## make install    build heatpose into .venv, its Python files in place
install: $(VENV)/.package

## make demo       find the people of a planted crowd, or PHOTO=... WEIGHTS=..., and draw them
demo: $(VENV)/.package $(if $(PHOTO),$(VENV)/.torch)
ifeq ($(PHOTO),)
	$(BIN)/heatpose demo --people $(PEOPLE) --out "$(OUT)"
else
	$(BIN)/heatpose demo "$(PHOTO)" --weights "$(WEIGHTS)" --out "$(OUT)"
	@echo "picture: $(OUT)"
endif

## make test       run the tests (ARGS="-k peaks" picks some)
test: $(VENV)/.test $(VENV)/.torch
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest $(ARGS)

## make lint       ruff, mypy, the layer contract, clang-format
lint: $(VENV)/.lint $(VENV)/.torch
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	find csrc -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | \
	  xargs $(BIN)/clang-format --dry-run --Werror

## make format     let ruff and clang-format rewrite the sources
format: $(VENV)/.lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	find csrc -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | \
	  xargs $(BIN)/clang-format -i

## make bench      time every op beside OpenCV, SciPy and NumPy; one table
bench: $(VENV)/.test $(VENV)/.torch
	$(BIN)/python -m benchmarks.report $(BENCHES)

# All tests but those of the Python around the native ops.
AROUND := body_estimator cli demo drawing formats media networks packaging results skeletons weights
NATIVE := $(filter-out $(AROUND:%=tests/test_%.py),$(wildcard tests/test_*.py))
# The sanitizer's own memory is more than what these allow.
MEMORY := tests/test_limits.py::test_a_fused_decode_needs_less_than_8_mb \
          tests/test_limits.py::test_photos_of_many_sizes_do_not_pile_up \
          tests/test_limits.py::test_the_measure_sees_memory_even_from_a_large_process \
          tests/test_native.py::test_threads_that_cannot_start_are_done_without

# The installed package redirects imports through a .pth file, before PYTHONPATH is looked at: -S
# reads no .pth, so that the tests see the instrumented copy. Leaks are Python's own, and not asked.
SANITIZED := build/sanitize/package
## make sanitize   run the tests of the native ops under AddressSanitizer and UBSan (Linux, GCC)
sanitize: $(VENV)/.test $(VENV)/.torch
	$(BIN)/cmake -S . -B build/sanitize -G Ninja -DCMAKE_MAKE_PROGRAM="$(abspath $(BIN)/ninja)" \
	  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$(CXX)" \
	  -DPython_EXECUTABLE="$(abspath $(BIN)/python)" \
	  -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" \
	  $(CMAKE_ARGS) -DHEATPOSE_SANITIZE=ON -DHEATPOSE_CUDA=OFF
	$(BIN)/cmake --build build/sanitize
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)
	cp -R python/heatpose $(SANITIZED)/heatpose
	rm -f $(SANITIZED)/heatpose/_core*.so
	cp build/sanitize/_core*.so $(SANITIZED)/heatpose
	PYTHONPATH="$(abspath $(SANITIZED)):$$($(BIN)/python -c \
	  'import sysconfig; print(sysconfig.get_path("platlib"))')" \
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	OMP_WAIT_POLICY=passive PYTHONMALLOC=malloc \
	  $(BIN)/python -S -c 'import pytest, heatpose._core as c, sys; \
	    assert "/sanitize/" in c.__file__, c.__file__; sys.exit(pytest.main(sys.argv[1:]))' \
	  --capture=sys $(MEMORY:%=--deselect %) $(NATIVE) $(ARGS)

## make clean      remove what was built, but not .venv
clean:
	rm -rf build dist out $(VENV)/.package
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find python tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.build: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
	  "heatpose needs Python 3.10 or later: make PYTHON=python3.12 ...")'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(INSTALL) scikit-build-core pybind11 cmake ninja
	@touch $@

$(VENV)/.package: $(VENV)/.build $(SOURCES)
	@echo "building heatpose ..."
	PATH="$(abspath $(BIN)):$$PATH" $(INSTALL) --no-build-isolation \
	  --config-settings "build-dir=build/make-{wheel_tag}" --editable .
	@touch $@

# heatpose is installed: only what the extra adds is fetched.
$(VENV)/.torch $(VENV)/.test $(VENV)/.lint: $(VENV)/.%: pyproject.toml | $(VENV)/.package
	@echo "installing heatpose[$*] ..."
	$(INSTALL) "heatpose[$*]"
	@touch $@
