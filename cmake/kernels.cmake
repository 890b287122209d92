# The objects that are compiled once per level of the instruction set:
#   src/cpu/pointwise.cpp   once more per operation family, so that an edit to one family rebuilds few small files
#   src/cpu/blocks/*.cpp    every other block kernel; a new file there needs no line here
# Sets `kernel_objects`, the object libraries to link.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(default_isas v2 v3 v4)
else()
  set(default_isas base)  # the compiler's default for the machine
endif()
if(FACULA_SANITIZE)
  # Unoptimised copies of inline functions leak from one level to another: one level, that every machine runs.
  list(GET default_isas 0 default_isas)
endif()
set(FACULA_ISAS "${default_isas}" CACHE STRING "instruction-set levels to build: v2, v3, v4 (x86-64) or base")

# The families are read from the one list of them (ops/all.h).
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/ops/all.h)
file(READ src/ops/all.h families)
string(REGEX REPLACE "\\\\\n" " " families "${families}")
string(REGEX MATCH "#define FACULA_FAMILIES\\(X\\)[^\n]*" families "${families}")
string(REGEX MATCHALL "X\\([a-z_0-9]+\\)" families "${families}")
list(TRANSFORM families REPLACE "X\\(([a-z_0-9]+)\\)" "\\1")

file(GLOB block_sources CONFIGURE_DEPENDS src/cpu/blocks/*.cpp)

function(facula_kernel_object target isa)
  add_library(${target} OBJECT ${ARGN})
  target_compile_definitions(${target} PRIVATE FACULA_ISA=${isa})
  target_compile_options(${target} PRIVATE ${FACULA_OPTIMISE_KERNELS} -ffp-contract=fast -fwrapv
    $<$<CXX_COMPILER_ID:GNU>:-Wno-int-in-bool-context>)
  # A kernel calls nothing that throws, and keeps no tables to unwind it by: they took a fifteenth of the installation.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang>:-fno-exceptions -fno-unwind-tables
    -fno-asynchronous-unwind-tables>)
  if(NOT isa STREQUAL base)
    target_compile_options(${target} PRIVATE -march=x86-64-${isa})
  endif()
  if(isa STREQUAL v2)
    target_compile_options(${target} PRIVATE -O2)  # for machines of before 2013: small rather than unrolled
  endif()
  if(isa STREQUAL v4)
    target_compile_options(${target} PRIVATE -mprefer-vector-width=512)
  endif()
  set(kernel_objects ${kernel_objects} ${target} PARENT_SCOPE)
endfunction()

foreach(isa IN LISTS FACULA_ISAS)
  add_compile_definitions(FACULA_HAVE_${isa})
  foreach(family IN LISTS families)
    facula_kernel_object(kernels_${family}_${isa} ${isa} src/cpu/pointwise.cpp)
    target_compile_definitions(kernels_${family}_${isa} PRIVATE FACULA_FAMILY=${family})
  endforeach()
  facula_kernel_object(blocks_${isa} ${isa} ${block_sources})
endforeach()
