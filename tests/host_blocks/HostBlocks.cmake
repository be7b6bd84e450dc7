# HEATPOSE_HOST_BLOCKS=ON: the kernels of csrc/cuda run on the host, block by block (README.md), and
# arrays on the CPU count as arrays on a CUDA device. For tests alone.
set_source_files_properties(${HEATPOSE_KERNEL_SOURCES} PROPERTIES LANGUAGE CXX)
add_library(heatpose_cuda STATIC ${HEATPOSE_KERNEL_SOURCES} csrc/no_cuda/device_status.cpp)
target_compile_definitions(heatpose_cuda PUBLIC HEATPOSE_HOST_BLOCKS)
target_include_directories(heatpose_cuda PRIVATE tests)
target_compile_options(heatpose_cuda PRIVATE -x c++ -O1 -ffp-contract=off -fno-strict-aliasing)
target_link_libraries(heatpose_cuda PUBLIC heatpose_options)
