// Matrix products against plain loops, over shapes, strides, scales and both numbers of threads.
// g++ -std=c++20 -O3 -march=x86-64-v4 -ffp-contract=fast -fwrapv -DFACULA_ISA=v4 -Isrc -c
// src/cpu/blocks/gemm.cpp g++ -std=c++20 -O2 -DFACULA_HAVE_v4 -DLEVEL=v4 -Isrc tests/cpu/gemm_test.cpp
// src/cpu/gemm.cpp src/core/parallel.cpp
//     gemm.o -pthread && ./a.out
#include "cpu/gemm.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>
#include "core/parallel.h"
#include "cpu/isa.h"

namespace facula {
Isa isa() { return Isa::LEVEL; }

namespace {

std::mt19937 generator(1);
int failures = 0;

int pick(int below) { return int(generator() % unsigned(below)); }

template <class T> std::vector<T> values(int64_t n) {
  std::vector<T> v(n);
  for (T& x : v) x = std::is_integral_v<T> ? T(generator()) : T((pick(2001) - 1000) / 1000.0);
  return v;
}

template <class T> double error(double got, double want, double size) {
  return std::fabs(got - want) / (size + 1) / (sizeof(T) == 4 ? 2e-6 : 4e-15);
}

// c has two columns more than are written, which must stay.
template <class T>
void check(int m, int n, int k, bool transpose_a, bool transpose_b, T alpha, T beta, bool bias, int step) {
  const int across_a = (transpose_a ? m : k) * step + 3, across_b = (transpose_b ? k : n) * step + 5;
  const int across_c = n + 2;
  const auto a = values<T>(int64_t(transpose_a ? k : m) * across_a + 1);
  const auto b = values<T>(int64_t(transpose_b ? n : k) * across_b + 1);
  const auto d = values<T>(n), before = values<T>(int64_t(m) * across_c);
  auto c = before;
  Product<T> p{m,
               n,
               k,
               a.data(),
               transpose_a ? step : across_a,
               transpose_a ? across_a : step,
               b.data(),
               transpose_b ? step : across_b,
               transpose_b ? across_b : step,
               c.data(),
               across_c,
               bias ? d.data() : c.data(),
               bias ? 0 : across_c,
               alpha,
               beta};
  set_num_threads(2);
  gemm(p);
  auto with_two = c;
  std::copy(before.begin(), before.end(), c.begin());
  set_num_threads(1);
  gemm(p);
  double worst = std::memcmp(c.data(), with_two.data(), c.size() * sizeof(T)) ? INFINITY : 0;
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < across_c; ++j) {
      const T old = before[i * across_c + j], got = c[i * across_c + j];
      if (j >= n) {
        if (got != old) worst = INFINITY;
        continue;
      }
      const T added = bias ? d[j] : old;
      if constexpr (std::is_integral_v<T>) {
        uint64_t sum = 0;
        for (int q = 0; q < k; ++q)
          sum += uint64_t(p.a[i * p.a_row + q * p.a_col]) * uint64_t(p.b[q * p.b_row + j * p.b_col]);
        if (got != T(uint64_t(alpha) * sum + uint64_t(beta) * uint64_t(added))) worst = INFINITY;
      } else {
        double sum = 0, size = 0;
        for (int q = 0; q < k; ++q) {
          const double term = double(p.a[i * p.a_row + q * p.a_col]) * p.b[q * p.b_row + j * p.b_col];
          sum += term;
          size += std::fabs(term);
        }
        worst = std::max(worst, error<T>(got, alpha * sum + beta * added, size));
      }
    }
  if (!(worst <= 1)) {
    ++failures;
    std::printf("%zu bytes: %d x %d x %d, transposed %d %d, step %d: %g\n", sizeof(T), m, n, k, transpose_a,
                transpose_b, step, worst);
  }
}

void check_special() {
  const double nan = NAN, a[] = {1, 0}, b[] = {nan, 2, 3, INFINITY};
  double c[] = {nan, nan};
  gemm(Product<double>{1, 2, 2, a, 2, 1, b, 2, 1, c, 2, c, 2, 1, 0});  // beta = 0 does not read c
  if (!std::isnan(c[0]) || !std::isnan(c[1])) ++failures, std::puts("0 * inf or nan was lost");
  c[0] = c[1] = nan;
  gemm(Product<double>{1, 2, 0, a, 2, 1, b, 2, 1, c, 2, c, 2, 1, 0});
  if (c[0] != 0 || c[1] != 0) ++failures, std::puts("an empty sum is not zero");
}

void check_complex() {
  for (int round = 0; round < 50; ++round) {
    const int m = 1 + pick(30), n = 1 + pick(30), k = pick(30);
    const auto a = values<double>(2 * m * k + 2), b = values<double>(2 * n * k + 2),
               before = values<double>(2 * m * n);
    auto c = before;
    gemm(ComplexProduct<double>{
        m, n, k, a.data(), 1, m, b.data(), n, 1, c.data(), n, c.data(), n, {0.5, 2}, {1, -1}, true, false});
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        double x = 0, y = 0;
        for (int q = 0; q < k; ++q) {
          const double ar = a[2 * (i + q * m)], ai = -a[2 * (i + q * m) + 1];
          const double br = b[2 * (q * n + j)], bi = b[2 * (q * n + j) + 1];
          x += ar * br - ai * bi;
          y += ar * bi + ai * br;
        }
        const int at = 2 * (i * n + j);
        const double real = 0.5 * x - 2 * y + before[at] + before[at + 1];
        const double imaginary = 0.5 * y + 2 * x + before[at + 1] - before[at];
        if (std::fabs(real - c[at]) + std::fabs(imaginary - c[at + 1]) > 1e-12) {
          ++failures;
          std::printf("complex %d x %d x %d\n", m, n, k);
          return;
        }
      }
  }
}

int run() {
  constexpr int kShapes[][3] = {
      {1, 1, 70000},   {5, 3, 20000},   {1, 1000, 300}, {1000, 1, 300},  {3, 1000, 600},  {1000, 3, 600},
      {200, 200, 200}, {300, 300, 300}, {500, 500, 3},  {20, 30, 17000}, {40, 20, 16500}, {33, 700, 400},
      {400, 40, 400},  {1, 4000, 100},  {4000, 1, 100}, {4200, 100, 50}, {100, 4200, 50}};
  for (int step : {1, 2})
    for (int t = 0; t < 4; ++t) {
      for (const auto& s : kShapes) {
        check<float>(s[0], s[1], s[2], t & 1, t & 2, t ? 2 : 1, t == 3, t == 3, step);
        check<double>(s[0], s[1], s[2], t & 1, t & 2, 1, 0.5, t & 1, step);
      }
      for (int i = 0; i < 120; ++i) {
        const int m = 1 + pick(40), n = 1 + pick(40), k = pick(70);
        check<float>(m, n, k, t & 1, t & 2, 2, float(pick(3)), pick(2), step);
        check<double>(m, n, k, t & 1, t & 2, 1, pick(2), pick(2), step);
        check<int64_t>(m, n, k, t & 1, t & 2, 2, pick(3), pick(2), step);
        check<int8_t>(m, n, k, t & 1, t & 2, 2, int8_t(pick(3)), pick(2), step);
      }
      check<int32_t>(200, 300, 100, t & 1, t & 2, 1, 0, false, step);
      check<uint8_t>(2, 3000, 100, t & 1, t & 2, 1, 0, false, step);
      check<int16_t>(2, 30, 1000, t & 1, t & 2, 1, 0, false, step);
    }
  check_special();
  check_complex();
  std::printf(failures ? "%d failures\n" : "all good\n", failures);
  return failures != 0;
}

}  // namespace
}  // namespace facula

int main() { return facula::run(); }
