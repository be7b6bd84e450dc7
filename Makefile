# The commands of the README; `make help` lists them. Everything is installed into $(VENV).
#
#   make PYTHON=python3.12 JOBS=4 test ARGS="-k peaks"
#   make demo PHOTO=street.jpg
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

BIN     := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

# What the native module and the metadata are made of; Python files need no new install.
SOURCES := $(shell find csrc cmake -type f) CMakeLists.txt pyproject.toml \
           python/heatpose/__init__.py

export CMAKE_BUILD_PARALLEL_LEVEL = $(JOBS)

.PHONY: help install demo test test-originals lint format docs bench sanitize host-blocks \
        test-cuda bench-cuda sanitize-cuda instructions clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^##/ /p' $(firstword $(MAKEFILE_LIST))

## make install    build heatpose into .venv, its Python files in place
install: $(VENV)/.package

## make demo       decode a planted crowd, and find the person in a photo; or PHOTO=... [WEIGHTS=...]
demo: $(VENV)/.package $(VENV)/.torch
ifeq ($(PHOTO),)
	$(BIN)/heatpose demo --people $(PEOPLE) --out "$(OUT)"
	$(BIN)/heatpose predict docs/astronaut.jpg --scales 0.5,1 --draw "$(dir $(OUT))astronaut.png"
else
	$(BIN)/heatpose predict "$(PHOTO)" $(if $(WEIGHTS),--weights "$(WEIGHTS)") --draw "$(OUT)"
	@echo "picture: $(OUT)"
endif

## make test       run the tests (ARGS="-k peaks" picks some)
test: $(VENV)/.test $(VENV)/.torch
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest $(ARGS)

# Where $(VENV) has its packages.
SITE := $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')

# The programs that adapters replace, on top of what $(VENV) has, in a folder of their own.
# controlnet_aux asks for torchvision, whose wheels on the package index are for CUDA, for timm and
# for a second OpenCV; its OpenPose does without them, and needs scikit-image.
ORIGINALS := build/originals
$(ORIGINALS)/.installed: constraints.txt | $(VENV)/.test $(VENV)/.torch
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "the original programs need Python 3.11 or later: make VENV=... PYTHON=python3.12 ...")'
	rm -rf $(ORIGINALS)
	$(BIN)/python -m venv --without-pip $(ORIGINALS)
	echo "import site; site.addsitedir('$(SITE)')" > \
	  "$$($(ORIGINALS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth"
	$(ORIGINALS)/bin/python -m pip install --quiet --constraint constraints.txt \
	  transformers mmengine scikit-image
	$(ORIGINALS)/bin/python -m pip install --quiet --constraint constraints.txt --no-deps \
	  controlnet_aux
	@touch $@

## make test-originals  test adapters beside the programs they replace, in build/originals
test-originals: $(ORIGINALS)/.installed
	HEATPOSE_REQUIRE_ORIGINALS=1 OMP_WAIT_POLICY=passive $(ORIGINALS)/bin/python -m pytest \
	  -m original $(wildcard tests/test_adapters_*.py) $(ARGS)

## make lint       ruff, mypy, the layer contract, clang-format
lint: $(VENV)/.lint $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	find csrc tests/host_blocks -name '*.cpp' -o -name '*.h' -o -name '*.cu' | \
	  xargs $(BIN)/clang-format --dry-run --Werror

## make format     let ruff and clang-format rewrite the sources
format: $(VENV)/.lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	find csrc tests/host_blocks -name '*.cpp' -o -name '*.h' -o -name '*.cu' | \
	  xargs $(BIN)/clang-format -i

# The variable silences an announcement of the theme's makers.
## make docs       build the documentation site into build/site; what is amiss is an error
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

## make bench      time every op and pipeline beside OpenCV, SciPy, NumPy and PyTorch, in less than
##                 15 minutes; write benchmarks/results, the README's numbers and docs/plots
BENCH_RUN := build/bench.json
bench: $(VENV)/.test $(VENV)/.torch
	mkdir -p $(dir $(BENCH_RUN))
	OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 \
	  $(BIN)/python -m pytest benchmarks --benchmark-json=$(BENCH_RUN) $(ARGS)
	$(BIN)/python -m benchmarks.report $(BENCH_RUN)

## make instructions  count every op's instructions under valgrind, compare with the committed
instructions: $(VENV)/.package
	$(BIN)/python -m benchmarks.instructions --check

# All tests but those of the Python around the native ops.
AROUND := *estimator* adapters* augment* bench* cli* convert* crops datasets* demo detectors* \
          download* drawing* evaluation* formats* hands judging media networks* packaging readme registry \
          results service* shipped skeletons targets* training* video* weights*
NATIVE := $(filter-out $(wildcard $(AROUND:%=tests/test_%.py)),$(wildcard tests/test_*.py))
# The sanitizer's own memory is more than what these allow.
MEMORY := tests/test_limits.py::test_a_fused_decode_needs_less_than_8_mb \
          tests/test_limits.py::test_photos_of_many_sizes_do_not_pile_up \
          tests/test_limits.py::test_the_measure_sees_memory_even_from_a_large_process \
          tests/test_native.py::test_threads_that_cannot_start_are_done_without

# The installed package redirects imports through a .pth file, before PYTHONPATH is looked at: -S
# reads no .pth, so that the tests see the instrumented copy. Leaks are Python's own, and not asked.
define run_sanitized
	$(BIN)/cmake -S . -B $(1) -G Ninja -DCMAKE_MAKE_PROGRAM="$(abspath $(BIN)/ninja)" \
	  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$(CXX)" \
	  -DPython_EXECUTABLE="$(abspath $(BIN)/python)" \
	  -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" \
	  $(CMAKE_ARGS) -DHEATPOSE_SANITIZE=ON -DHEATPOSE_CUDA=OFF $(2)
	$(BIN)/cmake --build $(1)
	$(call package_in,$(1))
	PYTHONPATH="$(abspath $(1)/package):$(SITE)" \
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 PYTHONMALLOC=malloc \
	  $(BIN)/python -S -c 'import pytest, heatpose._core as c, sys; \
	    assert "$(1)/package" in c.__file__, c.__file__; sys.exit(pytest.main(sys.argv[1:]))' \
	  --capture=sys $(3) $(ARGS)
endef
# A copy of the Python package with the module that was built in folder $(1).
define package_in
	rm -rf $(1)/package
	mkdir -p $(1)/package
	cp -R python/heatpose $(1)/package/heatpose
	rm -f $(1)/package/heatpose/_core*.so
	cp $(1)/_core*.so $(1)/package/heatpose
endef

## make sanitize   run the tests of the native ops under AddressSanitizer and UBSan (Linux, GCC)
sanitize: $(VENV)/.test $(VENV)/.torch
	$(call run_sanitized,build/sanitize,,$(MEMORY:%=--deselect %) $(NATIVE))

# The tests of the ops that have a kernel, and tests/cuda.
KERNELS := associate association_rules average_flipped body_decoder decode_hand_maps \
           decode_heatmaps decode_heatmaps_blur find_peaks gaussian_smooth grid_people keypoint_decoder \
           peak_pruning peak_refinement peaks_from_cells prepare_image queue resize_average \
           warp_crops
# Minutes for fibers, and nothing that the other tests of the op do not reach.
SLOW := tests/test_association_rules.py::test_no_peak_is_in_two_people
## make host-blocks  run the CUDA kernels on the host, under the same sanitizers (tests/host_blocks)
host-blocks: $(VENV)/.test $(VENV)/.torch
	$(call run_sanitized,build/host_blocks,-DHEATPOSE_HOST_BLOCKS=ON,\
	  $(SLOW:%=--deselect %) $(KERNELS:%=tests/test_%.py) $(wildcard tests/test_cuda_*.py) tests/cuda)

# On a machine with a CUDA device: with nvcc, cmake and the packages that $(PYTHON) has (numpy,
# torch, pybind11, pytest, pytest-timeout; cupy or not), and nothing fetched.
CUDA_BUILD := build/cuda
CUDA_ARCH  ?= native
$(CUDA_BUILD)/package: $(SOURCES) $(shell find python -name '*.py')
	cmake -S . -B $(CUDA_BUILD) -DCMAKE_BUILD_TYPE=Release -DHEATPOSE_CUDA=ON \
	  -DCMAKE_CUDA_ARCHITECTURES=$(CUDA_ARCH) -DPython_EXECUTABLE="$$(command -v $(PYTHON))" \
	  -Dpybind11_DIR="$$($(PYTHON) -m pybind11 --cmakedir)" $(CMAKE_ARGS)
	cmake --build $(CUDA_BUILD) --parallel $(JOBS)
	$(call package_in,$(CUDA_BUILD))

## make test-cuda  build for this machine's CUDA device and test on it; fetches nothing
test-cuda: $(CUDA_BUILD)/package
	HEATPOSE_REQUIRE_CUDA=1 PYTHONPATH=$(CUDA_BUILD)/package \
	  $(PYTHON) -m pytest -p no:cacheprovider tests/cuda $(ARGS)

## make bench-cuda  time the CUDA backend in replayed graphs; one table
bench-cuda: $(CUDA_BUILD)/package
	PYTHONPATH=$(CUDA_BUILD)/package:. $(PYTHON) -m benchmarks.cuda

## make sanitize-cuda  the same tests under compute-sanitizer: memcheck, racecheck, initcheck
sanitize-cuda: $(CUDA_BUILD)/package
	for tool in memcheck racecheck initcheck; do \
	  HEATPOSE_REQUIRE_CUDA=1 PYTHONPATH=$(CUDA_BUILD)/package PYTORCH_NO_CUDA_MEMORY_CACHING=1 \
	  compute-sanitizer --tool $$tool --error-exitcode 1 --kernel-regex kns=heatpose \
	    $(PYTHON) -m pytest -p no:cacheprovider -x tests/cuda/test_parity.py $(ARGS) || exit 1; \
	done

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
$(VENV)/.torch $(VENV)/.test $(VENV)/.lint $(VENV)/.docs: $(VENV)/.%: pyproject.toml | $(VENV)/.package
	@echo "installing heatpose[$*] ..."
	$(INSTALL) "heatpose[$*]"
	@touch $@
