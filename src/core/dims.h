// Dims: sizes, strides or dimension numbers. Up to six live inside; tensors may have 64.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>

namespace facula {

inline constexpr int kMaxDims = 64;

class Dims {
 public:
  static constexpr int kInline = 6;
  int count = 0;
  int64_t* v = inline_;

  Dims() {}
  explicit Dims(int n) { resize(n); }  // values are not set
  Dims(int n, const int64_t* p) {
    resize(n);
    if (n) std::memcpy(v, p, sizeof(int64_t) * size_t(n));
  }
  Dims(std::initializer_list<int64_t> l) : Dims(int(l.size()), l.begin()) {}
  static Dims filled(int n, int64_t value) {
    Dims d(n);
    for (int i = 0; i < n; ++i) d.v[i] = value;
    return d;
  }
  Dims(const Dims& o) : Dims(o.count, o.v) {}
  Dims(Dims&& o) noexcept { take(o); }
  Dims& operator=(const Dims& o) {
    if (this != &o) {
      resize(o.count);
      std::memcpy(v, o.v, sizeof(int64_t) * size_t(count));
    }
    return *this;
  }
  Dims& operator=(Dims&& o) noexcept {
    if (this != &o) {
      release();
      take(o);
    }
    return *this;
  }
  ~Dims() { release(); }

  int64_t operator[](int i) const { return v[i]; }
  int64_t& operator[](int i) { return v[i]; }
  void resize(int n) {  // keeps what fits
    if (n > capacity_) grow(n);
    count = n;
  }
  void push(int64_t value) {
    resize(count + 1);
    v[count - 1] = value;
  }
  void insert(int at, int64_t value) {
    push(value);
    for (int i = count - 1; i > at; --i) std::swap(v[i], v[i - 1]);
  }
  void erase(int at) {
    for (int i = at; i + 1 < count; ++i) v[i] = v[i + 1];
    --count;
  }
  bool contains(int64_t value) const {
    for (int i = 0; i < count; ++i)
      if (v[i] == value) return true;
    return false;
  }
  const int64_t* begin() const { return v; }
  const int64_t* end() const { return v + count; }
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < count; ++i) n *= v[i];
    return n;
  }
  bool operator==(const Dims& o) const {
    return count == o.count && !std::memcmp(v, o.v, sizeof(int64_t) * size_t(count));
  }

 private:
  void release() {
    if (v != inline_) std::free(v);
  }
  void take(Dims& o) {
    if (o.v == o.inline_) {
      v = inline_;
      std::memcpy(inline_, o.inline_, sizeof(int64_t) * size_t(o.count));
    } else {
      v = o.v;
    }
    capacity_ = o.capacity_;
    count = o.count;
    o.v = o.inline_;
    o.count = 0;
    o.capacity_ = kInline;
  }
  void grow(int n) {
    auto* p = static_cast<int64_t*>(std::malloc(sizeof(int64_t) * size_t(n + n / 2)));
    std::memcpy(p, v, sizeof(int64_t) * size_t(count));
    release();
    v = p;
    capacity_ = n + n / 2;
  }
  int capacity_ = kInline;
  int64_t inline_[kInline];
};

std::string to_string(const Dims&);  // "[2, 3]"

// A dimension number in [-ndim, ndim) made non-negative; IndexError otherwise. A 0-dim tensor
// accepts 0 and -1.
int wrap_dim(int64_t dim, int ndim);

Dims contiguous_strides(const Dims& sizes);
Dims broadcast(const Dims& a, const Dims& b);
// The shape with a -1 resolved; throws PyTorch's error when it does not fit.
Dims infer_size(const Dims& shape, int64_t numel);

}  // namespace facula
