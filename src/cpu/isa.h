// Which level of the instruction set this process uses, and how to reach the kernel tables compiled for it.
//
// A file in cpu/blocks/ is compiled once per level into namespace facula::v2, v3, v4 (or base) and defines a
// constant pointer to its table:
//     extern const Table* const gemm_kernels;          // gives the constant external linkage
//     const Table* const gemm_kernels = &table;
// and one ordinary file says, inside namespace facula,
//     FACULA_BY_ISA(Table, gemm_kernels)               // defines const Table& best_gemm_kernels()
#pragma once

namespace facula {

enum class Isa { base, v2, v3, v4 };

// The best level that both this machine and this build have. FACULA_ISA=v2 or v3 in the environment lowers
// it.
Isa isa();
const char* isa_name();

}  // namespace facula

#ifdef FACULA_HAVE_base
#define FACULA_IF_base(...) __VA_ARGS__
#else
#define FACULA_IF_base(...)
#endif
#ifdef FACULA_HAVE_v2
#define FACULA_IF_v2(...) __VA_ARGS__
#else
#define FACULA_IF_v2(...)
#endif
#ifdef FACULA_HAVE_v3
#define FACULA_IF_v3(...) __VA_ARGS__
#else
#define FACULA_IF_v3(...)
#endif
#ifdef FACULA_HAVE_v4
#define FACULA_IF_v4(...) __VA_ARGS__
#else
#define FACULA_IF_v4(...)
#endif

// X(level) for each level in this build.
#define FACULA_FOR_ISAS(X) FACULA_IF_base(X(base)) FACULA_IF_v2(X(v2)) FACULA_IF_v3(X(v3)) FACULA_IF_v4(X(v4))

#define FACULA_DECLARE_FOR(level, Table, name) \
  namespace level {                            \
  extern const Table* const name;              \
  }
#define FACULA_CASE_FOR(level, name) \
  case Isa::level:                   \
    return *level::name;

#define FACULA_BY_ISA(Table, name)                                                                        \
  FACULA_IF_base(FACULA_DECLARE_FOR(base, Table, name)) FACULA_IF_v2(FACULA_DECLARE_FOR(v2, Table, name)) \
      FACULA_IF_v3(FACULA_DECLARE_FOR(v3, Table, name)) FACULA_IF_v4(FACULA_DECLARE_FOR(v4, Table, name)) \
          const Table& best_##name() {                                                                    \
    switch (isa()) {                                                                                      \
      FACULA_IF_base(FACULA_CASE_FOR(base, name)) FACULA_IF_v2(FACULA_CASE_FOR(v2, name))                 \
          FACULA_IF_v3(FACULA_CASE_FOR(v3, name)) FACULA_IF_v4(FACULA_CASE_FOR(v4, name)) default         \
          : __builtin_unreachable(); /* isa() is one of the build's levels */                             \
    }                                                                                                     \
  }
