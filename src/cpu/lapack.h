// LAPACK, typed: a function template a routine, for float, double and their complex numbers. Matrices lie
// column by column with no gaps unless a leading dimension is asked for. Each returns LAPACK's `info`.
// Nothing here allocates through core/allocator.h, so that all of it may run in pieces (core/parallel.h), but
// require() must have been called before.
#pragma once
#include <algorithm>
#include <array>
#include <vector>
#include "core/half.h"
#include "cpu/blas.h"
#include "cpu/blocked.h"
#include "cpu/small_matrix.h"

namespace facula::lapack {

template <class T> struct RealOf { using type = T; };
template <class T> struct RealOf<Complex<T>> { using type = T; };
template <class T> using Real = typename RealOf<T>::type;

template <size_t N> struct Text {
  char letters[N];
  consteval Text(const char (&s)[N]) { std::copy_n(s, N, letters); }
};

template <class T> inline constexpr char letter = 's';
template <> inline constexpr char letter<double> = 'd';
template <> inline constexpr char letter<Complex<float>> = 'c';
template <> inline constexpr char letter<Complex<double>> = 'z';

// Loads the library or says which package is missing. The interpreter is needed to find it.
inline void require() { blas_symbol("dgetrf_"); }

template <class A> const A* by_address(const A& a) { return &a; }
template <class A> A* by_address(A* const& a) { return a; }
template <class> using Length = size_t;

// Arguments go by address, pointers as they are; Fortran's hidden lengths of text arguments follow.
template <Text Name, class T, class... A> void call(A... args) {
  using Routine = void (*)(decltype(by_address(args))..., size_t, size_t, size_t);
  static const auto routine = [] {
    std::array<char, sizeof(Name.letters) + 2> name{};
    name[0] = letter<T>;
    char* end = std::copy_n(Name.letters, sizeof(Name.letters) - 1, name.data() + 1);
    *end = '_';
    return reinterpret_cast<Routine>(blas_symbol(name.data()));
  }();
  routine(by_address(args)..., 1, 1, 1);
}
template <Text OfReal, Text OfComplex, class T, class... A> void call_either(A... args) {
  if constexpr (is_complex_type<T>) call<OfComplex, T>(args...);
  else call<OfReal, T>(args...);
}

// Work space of the size that a routine asks for; asked for once, so one Room serves calls of one shape only.
template <class T> struct Room {
  std::vector<T> work;
  template <class F> int use(F&& f) {  // f(work, length) is the call
    if (work.empty()) {
      T size{};
      if (const int info = f(&size, -1)) return info;
      work.resize(size_t(std::max<int64_t>(1, int64_t(largest(size)))));
    }
    return f(work.data(), int(work.size()));
  }

 private:
  static Real<T> largest(T size) {
    if constexpr (is_complex_type<T>) return size.re;
    else return size;
  }
};

// --- factorisations ---

template <class T> int potrf(char part, int n, T* a) {
  if constexpr (!is_complex_type<T>)
    if (n <= small::kLargest) return small::cholesky(part == 'U', n, a);
  if (blocked::many(n, n)) return blocked::cholesky(part, n, a);
  int info = 0;
  call<"potrf", T>(part, n, a, std::max(n, 1), &info);
  return info;
}
template <class T> int potri(char part, int n, T* a) {
  int info = 0;
  call<"potri", T>(part, n, a, std::max(n, 1), &info);
  return info;
}
template <class T> int potrs(char part, int n, int columns, const T* a, T* b) {
  int info = 0;
  call<"potrs", T>(part, n, columns, a, std::max(n, 1), b, std::max(n, 1), &info);
  return info;
}
template <class T> int getrf(int m, int n, T* a, int* pivots) {
  if constexpr (!is_complex_type<T>)
    if (std::max(m, n) <= small::kLargest) return small::lu(m, n, a, pivots);
  if (blocked::many(m, n)) return blocked::lu(m, n, a, pivots);
  int info = 0;
  call<"getrf", T>(m, n, a, std::max(m, 1), pivots, &info);
  return info;
}
template <class T> int getrs(char transposed, int n, int columns, const T* lu, const int* pivots, T* b) {
  if constexpr (!is_complex_type<T>)
    if (std::max(n, columns) <= small::kLargest) {
      small::lu_solve(transposed != 'N', n, columns, lu, pivots, b);
      return 0;
    }
  if (blocked::much(n, columns)) return blocked::lu_solve(transposed, n, columns, lu, pivots, b);
  int info = 0;
  call<"getrs", T>(transposed, n, columns, lu, std::max(n, 1), pivots, b, std::max(n, 1), &info);
  return info;
}
template <class T> int sytrf(bool hermitian, char part, int n, T* a, int* pivots, Room<T>& room) {
  return room.use([&](T* work, int length) {
    int info = 0;
    const int lead = std::max(n, 1);
    if (hermitian && is_complex_type<T>)
      call_either<"sytrf", "hetrf", T>(part, n, a, lead, pivots, work, length, &info);
    else call<"sytrf", T>(part, n, a, lead, pivots, work, length, &info);
    return info;
  });
}
template <class T>
int sytrs(bool hermitian, char part, int n, int columns, const T* a, const int* pivots, T* b) {
  int info = 0;
  const int lead = std::max(n, 1);
  if (hermitian && is_complex_type<T>)
    call_either<"sytrs", "hetrs", T>(part, n, columns, a, lead, pivots, b, lead, &info);
  else call<"sytrs", T>(part, n, columns, a, lead, pivots, b, lead, &info);
  return info;
}
// B := alpha op(A)^-1 B, or B op(A)^-1, A triangular; B is rows x columns.
template <class T> void trsm(char side, char part, char transposed, char diagonal, int rows, int columns,
                             const T* a, int lead, T* b) {
  if (side == 'L' ? blocked::much(rows, columns) : blocked::much(columns, rows))
    return blocked::solve_triangle(side, part, transposed, diagonal, rows, columns, a, lead, b,
                                   std::max(rows, 1));
  call<"trsm", T>(side, part, transposed, diagonal, rows, columns, T(1), a, lead, b, std::max(rows, 1));
}

// --- orthogonal factors ---

template <class T> int geqrf(int m, int n, T* a, T* tau, Room<T>& room) {
  if (blocked::many(m, n)) return blocked::qr(m, n, a, tau);
  return room.use([&](T* work, int length) {
    int info = 0;
    call<"geqrf", T>(m, n, a, std::max(m, 1), tau, work, length, &info);
    return info;
  });
}
template <class T> int orgqr(int m, int n, int k, T* a, const T* tau, Room<T>& room) {
  if (blocked::many(m, k)) return blocked::form_q(m, n, k, a, tau);
  return room.use([&](T* work, int length) {
    int info = 0;
    call_either<"orgqr", "ungqr", T>(m, n, k, a, std::max(m, 1), tau, work, length, &info);
    return info;
  });
}
// c (m x n) := Q c, Q^H c, c Q or c Q^H, Q being k reflections of length `height` in a.
template <class T> int ormqr(char side, char transposed, int m, int n, int k, const T* a, int height,
                             const T* tau, T* c, Room<T>& room) {
  if (side == 'L' && blocked::much(k, n)) return blocked::apply_q(transposed, m, n, k, a, tau, c);
  return room.use([&](T* work, int length) {
    int info = 0;
    call_either<"ormqr", "unmqr", T>(side, transposed, m, n, k, a, std::max(height, 1), tau, c,
                                     std::max(m, 1), work, length, &info);
    return info;
  });
}

// --- spectra ---

// Eigenvalues in w, eigenvectors in a if they are wanted.
template <class T> struct Symmetric {
  Room<T> room;
  std::vector<Real<T>> real_work;
  std::vector<int> integers;
  int solve(bool vectors, char part, int n, T* a, Real<T>* w) {
    const char job = vectors ? 'V' : 'N';
    int info = 0;
    const int lead = std::max(n, 1);
    if (integers.empty()) {
      T size{};
      Real<T> real_size{};
      int integer_size = 0;
      run(job, part, n, a, lead, w, &size, -1, &real_size, -1, &integer_size, -1, &info);
      if (info) return info;
      room.work.resize(size_t(std::max(1, int(number(size)))));
      real_work.resize(size_t(std::max(1, int(real_size))));
      integers.resize(size_t(std::max(1, integer_size)));
    }
    run(job, part, n, a, lead, w, room.work.data(), int(room.work.size()), real_work.data(),
        int(real_work.size()), integers.data(), int(integers.size()), &info);
    return info;
  }

 private:
  static Real<T> number(T v) {
    if constexpr (is_complex_type<T>) return v.re;
    else return v;
  }
  static void run(char job, char part, int n, T* a, int lead, Real<T>* w, T* work, int length, Real<T>* real,
                  int reals, int* integer, int count, int* info) {
    if constexpr (is_complex_type<T>)
      call<"heevd", T>(job, part, n, a, lead, w, work, length, real, reals, integer, count, info);
    else call<"syevd", T>(job, part, n, a, lead, w, work, length, integer, count, info);
  }
};

// Right eigenvectors by columns in v (null: not wanted), eigenvalues in w; both complex. a is overwritten.
template <class T> struct General {
  using R = Real<T>;
  Room<T> room;
  std::vector<R> real_work;
  std::vector<T> vectors;
  int solve(int n, T* a, Complex<R>* w, Complex<R>* v) {
    const int lead = std::max(n, 1);
    const char job = v ? 'V' : 'N';
    T unused{};
    if constexpr (is_complex_type<T>) {
      real_work.resize(size_t(2 * lead));
      return room.use([&](T* work, int length) {
        int info = 0;
        call<"geev", T>('N', job, n, a, lead, w, &unused, 1, v ? v : &unused, v ? lead : 1, work, length,
                        real_work.data(), &info);
        return info;
      });
    } else {
      real_work.resize(size_t(2 * lead));
      R *const re = real_work.data(), *const im = re + lead;
      if (v) vectors.resize(size_t(lead) * size_t(lead));
      const int info = room.use([&](T* work, int length) {
        int code = 0;
        call<"geev", T>('N', job, n, a, lead, re, im, &unused, 1, v ? vectors.data() : &unused, v ? lead : 1,
                        work, length, &code);
        return code;
      });
      for (int j = 0; j < n; ++j) w[j] = {re[j], im[j]};
      if (!v) return info;
      // A conjugate pair shares two columns: real and imaginary part of the first of its vectors.
      for (int j = 0; j < n; ++j) {
        const T* x = vectors.data() + size_t(j) * size_t(n);
        Complex<R>* to = v + size_t(j) * size_t(n);
        if (im[j] == 0 || j + 1 == n) {
          for (int i = 0; i < n; ++i) to[i] = {x[i], 0};
          continue;
        }
        for (int i = 0; i < n; ++i) {
          to[i] = {x[i], x[n + i]};
          to[n + i] = {x[i], -x[n + i]};
        }
        ++j;
      }
      return info;
    }
  }
};

// a = u s vh; job 'A': all columns of u and rows of vh, 'S': min(m, n) of them, 'N': s only. a is
// overwritten.
template <class T> struct Singular {
  Room<T> room;
  std::vector<Real<T>> real_work;
  std::vector<int> integers;
  int solve(char job, int m, int n, T* a, Real<T>* s, T* u, T* vh) {
    const int k = std::min(m, n), big = std::max(m, n), rows = std::max(job == 'A' ? n : k, 1);
    integers.resize(size_t(std::max(8 * k, 1)));
    if constexpr (is_complex_type<T>) {
      const size_t small = size_t(k), large = size_t(big);
      real_work.resize(std::max<size_t>(
          1, job == 'N' ? 7 * small : small * std::max(5 * small + 7, 2 * large + 2 * small + 1)));
    }
    return room.use([&](T* work, int length) {
      int info = 0;
      if constexpr (is_complex_type<T>)
        call<"gesdd", T>(job, m, n, a, std::max(m, 1), s, u, std::max(m, 1), vh, rows, work, length,
                         real_work.data(), integers.data(), &info);
      else
        call<"gesdd", T>(job, m, n, a, std::max(m, 1), s, u, std::max(m, 1), vh, rows, work, length,
                         integers.data(), &info);
      return info;
    });
  }
};

}  // namespace facula::lapack
