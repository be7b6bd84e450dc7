# Decides whether the CUDA backend is built. HEATPOSE_CUDA=ON without a toolkit is an error that
# names the variable; AUTO takes what is there and says so. Either way the target `heatpose_cuda`
# exists and offers the same entry points.
if(NOT HEATPOSE_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "HEATPOSE_CUDA must be AUTO, ON or OFF, got '${HEATPOSE_CUDA}'")
endif()

set(HEATPOSE_KERNEL_SOURCES
  csrc/cuda/associate.cu
  csrc/cuda/average_flipped.cu
  csrc/cuda/decode_hand_maps.cu
  csrc/cuda/decode_heatmaps.cu
  csrc/cuda/find_peaks.cu
  csrc/cuda/gaussian_smooth.cu
  csrc/cuda/grid_people.cu
  csrc/cuda/peaks_from_cells.cu
  csrc/cuda/prepare_image.cu
  csrc/cuda/resize_average.cu
  csrc/cuda/warp_crops.cu)
set(HEATPOSE_HAVE_CUDA OFF)
if(HEATPOSE_HOST_BLOCKS)
  include(tests/host_blocks/HostBlocks.cmake)
  return()
endif()
if(NOT HEATPOSE_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    find_package(CUDAToolkit QUIET)
  endif()
  if(CUDAToolkit_FOUND AND CUDAToolkit_VERSION VERSION_GREATER_EQUAL 12)
    set(HEATPOSE_HAVE_CUDA ON)
  elseif(HEATPOSE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "HEATPOSE_CUDA=ON, but no CUDA toolkit 12 or newer was found (nvcc: "
                        "${CMAKE_CUDA_COMPILER}, version ${CUDAToolkit_VERSION}). Put nvcc on the PATH "
                        "or set CUDACXX, or build with HEATPOSE_CUDA=OFF.")
  endif()
endif()

if(HEATPOSE_HAVE_CUDA)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    # Machine code for each, and PTX of the newest for what comes after it.
    set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real)
    if(CUDAToolkit_VERSION VERSION_LESS 12.8)
      list(APPEND CMAKE_CUDA_ARCHITECTURES 90)
    else()
      list(APPEND CMAKE_CUDA_ARCHITECTURES 90-real 100-real 120)
    endif()
  endif()
  enable_language(CUDA)
  add_library(heatpose_cuda STATIC csrc/cuda/device_status.cu ${HEATPOSE_KERNEL_SOURCES})
  # Linked statically, so that the module imports on a machine without a driver.
  set_target_properties(heatpose_cuda PROPERTIES CUDA_STANDARD 17 CUDA_RUNTIME_LIBRARY Static)
  target_include_directories(heatpose_cuda PUBLIC csrc/include csrc)
  # No fused multiply-adds but those that are written as such (csrc/cuda/block.h): what decides a
  # result rounds as on the host.
  target_compile_options(heatpose_cuda PRIVATE --fmad=false --expt-relaxed-constexpr
    -Xfatbin=-compress-all
    $<$<BOOL:${HEATPOSE_WERROR}>:--Werror=all-warnings>)
  target_link_libraries(heatpose_cuda PUBLIC CUDA::cudart_static)
else()
  add_library(heatpose_cuda STATIC csrc/no_cuda/device_status.cpp csrc/no_cuda/ops.cpp)
  target_link_libraries(heatpose_cuda PUBLIC heatpose_options)
endif()
message(STATUS "heatpose: CUDA backend ${HEATPOSE_HAVE_CUDA} (HEATPOSE_CUDA=${HEATPOSE_CUDA})")
