# Compiler settings common to every object.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(FACULA_OUTPUT ${CMAKE_CURRENT_SOURCE_DIR}/facula CACHE PATH "where a development build puts _C")
set(FACULA_OPTIMISE "-O2" CACHE STRING "flags for the core")
set(FACULA_OPTIMISE_KERNELS "-O3" CACHE STRING "flags for the block kernels, which must vectorise")
option(FACULA_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(FACULA_WERROR "warnings are errors" OFF)

# Variables without CACHE win over -D: whoever wants other flags sets the FACULA_ ones.
set(CMAKE_CXX_FLAGS_RELEASE "${FACULA_OPTIMISE}")

# No trapping and no errno: needed for blends and square roots to vectorise. Never -ffast-math: nan, inf and the
# order of additions are part of every result.
add_compile_options(-Wall -fno-math-errno -fno-trapping-math -fno-plt)
if(FACULA_WERROR)
  add_compile_options(-Werror)
endif()
if(FACULA_SANITIZE)
  # Kernels rely on wrapping integers (-fwrapv) and on unloaded operands, which the sanitizers then accept;
  # float-to-int conversions out of range are asked for by `to` and keep the processor's answer.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(FACULA_SANITIZE)  # the allocator then caches nothing, so that every use after free is seen
endif()
include_directories(${CMAKE_CURRENT_SOURCE_DIR}/src)

# Tables of function pointers need half a megabyte of relocations; packed, 15 KB. The loader of glibc 2.36 reads them.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,-z,pack-relative-relocs)
check_cxx_source_compiles("#include <features.h>
#if !__GLIBC_PREREQ(2, 36)
#error the loader is too old
#endif
int main() {}" FACULA_PACKED_RELOCATIONS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(FACULA_PACKED_RELOCATIONS)
  add_link_options(-Wl,-z,pack-relative-relocs)
endif()
