// The machine's widest vectors, for the files in cpu/blocks.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <cstdint>
#include <cstring>

namespace facula {
inline namespace FACULA_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
template <class T, int Bytes> struct VectorOf { typedef T type __attribute__((vector_size(Bytes))); };
template <class T, int Bytes = kVectorBytes> using Vec = typename VectorOf<T, Bytes>::type;
template <class T> constexpr int kVectorLanes = kVectorBytes / int(sizeof(T));

template <class T> [[gnu::always_inline]] inline Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T> [[gnu::always_inline]] inline void store(T* p, Vec<T> v) { std::memcpy(p, &v, sizeof v); }

// The first `count` lanes; the rest read as zero, and are not touched by a store.
template <class T> [[gnu::always_inline]] inline Vec<T> load_part(const T* p, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return (Vec<T>)_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), p);
  else return (Vec<T>)_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1), p);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    const __m256i mask =
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return (Vec<T>)_mm256_maskload_ps(p, mask);
  } else {
    const __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
    return (Vec<T>)_mm256_maskload_pd(p, mask);
  }
#else
  Vec<T> v{};
  for (int l = 0; l < kVectorLanes<T>; ++l)
    if (l < count) v[l] = p[l];
  return v;
#endif
}
template <class T> [[gnu::always_inline]] inline void store_part(T* p, Vec<T> v, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16((1u << count) - 1), (__m512)v);
  else _mm512_mask_storeu_pd(p, __mmask8((1u << count) - 1), (__m512d)v);
#else
  for (int l = 0; l < kVectorLanes<T>; ++l)
    if (l < count) p[l] = v[l];
#endif
}

}  // namespace
}  // namespace FACULA_ISA
}  // namespace facula
