// How values are put in order: keys that sort as unsigned numbers, and a radix sort of keys with their
// indices, which is stable. NaN ranks above everything; all NaNs are equal, and so are the two zeros.
#pragma once
#include <algorithm>
#include <bit>
#include <memory>
#include "core/dtype.h"
#include "core/parallel.h"
#include "cpu/order.h"

namespace facula {

template <class T> struct KeyTraits {
  using Bits = std::conditional_t<
      sizeof(T) == 1, uint8_t,
      std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;
  static constexpr bool floating = !std::is_integral_v<T>;
  static constexpr Bits top = Bits(Bits(1) << (sizeof(T) * 8 - 1));
  static constexpr Bits infinity = std::is_same_v<T, Float16>    ? Bits(0x7C00)
                                   : std::is_same_v<T, BFloat16> ? Bits(0x7F80)
                                   : sizeof(T) == 4              ? Bits(0x7F800000)
                                                                 : Bits(0x7FF0000000000000);
  static constexpr Bits zero = top, nan = Bits(~Bits(0));

  static Bits key(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      return Bits(value);
    } else {
      const Bits bits = std::bit_cast<Bits>(value);
      if constexpr (floating) {
        const Bits magnitude = Bits(bits & Bits(~top));
        if (magnitude > infinity) return nan;
        if (magnitude == 0) return zero;
        return bits & top ? Bits(~bits) : Bits(bits | top);
      } else {
        return std::is_signed_v<T> ? Bits(bits ^ top) : bits;
      }
    }
  }
  // Whether value(key) would lose the sign of a zero or the payload of a NaN.
  static bool ambiguous(Bits k) { return floating && (k == zero || k == nan); }
  static T value(Bits k) {
    if constexpr (std::is_same_v<T, bool>) return k != 0;
    else if constexpr (floating) return std::bit_cast<T>(k & top ? Bits(k ^ top) : Bits(~k));
    else return std::bit_cast<T>(std::is_signed_v<T> ? Bits(k ^ top) : k);
  }
};

// A key with the index it came from. Keys of up to 32 bits share one word with it: such words are distinct
// and sort by key, then by index.
struct NarrowItem {
  uint64_t word;
  void set(uint64_t key, uint32_t index) { word = key << 32 | index; }
  uint64_t key() const { return word >> 32; }
  uint32_t index() const { return uint32_t(word); }
  bool operator<(const NarrowItem& o) const { return word < o.word; }
};
struct WideItem {
  uint64_t word;
  uint32_t at;
  void set(uint64_t key, uint32_t index) {
    word = key;
    at = index;
  }
  uint64_t key() const { return word; }
  uint32_t index() const { return at; }
  bool operator<(const WideItem& o) const { return word < o.word || (word == o.word && at < o.at); }
};
template <class T> using ItemOf = std::conditional_t<sizeof(T) == 8, WideItem, NarrowItem>;

inline constexpr int64_t kLongestLine = int64_t(1) << 32;  // indices of items have 32 bits
inline constexpr int64_t kParallelLine = 1 << 17;          // one such line is shared by all threads

template <class T, class Item>
void make_items(const T* x, int64_t begin, int64_t end, bool descending, Item* to) {
  using Traits = KeyTraits<T>;
  for (int64_t i = begin; i < end; ++i) {
    const auto k = Traits::key(x[i]);
    to[i].set(descending ? typename Traits::Bits(~k) : k, uint32_t(i));
  }
}

// Sorts n items by the lowest `bits` bits of their keys; `other` is scratch space. Returns where the sorted
// items are: in `items` or in `other`.
template <class Item> Item* radix_sort(Item* items, Item* other, int64_t n, int bits) {
  const int digit = n < 8192 || bits <= 16 ? 8 : 11, passes = (bits + digit - 1) / digit;
  const int64_t buckets = int64_t(1) << digit;
  const uint64_t mask = uint64_t(buckets - 1);
  const std::unique_ptr<uint32_t[]> counts(new uint32_t[size_t(passes * buckets)]());
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t k = items[i].key();
    for (int p = 0; p < passes; ++p) ++counts[size_t(p * buckets + int64_t(k >> (p * digit) & mask))];
  }
  for (int p = 0; p < passes; ++p) {
    uint32_t* const at = counts.get() + p * buckets;
    if (at[items[0].key() >> (p * digit) & mask] == uint32_t(n)) continue;  // all in one bucket
    uint32_t sum = 0;
    for (int64_t b = 0; b < buckets; ++b) {
      const uint32_t count = at[b];
      at[b] = sum;
      sum += count;
    }
    for (int64_t i = 0; i < n; ++i) other[at[items[i].key() >> (p * digit) & mask]++] = items[i];
    std::swap(items, other);
  }
  return items;
}

// The same with all threads. The items must have been counted by nobody yet.
template <class Item> Item* radix_sort_parallel(Item* items, Item* other, int64_t n, int bits) {
  const int digit = bits <= 16 ? 8 : 11, passes = (bits + digit - 1) / digit;
  const int64_t buckets = int64_t(1) << digit, pieces = std::min<int64_t>(64, (n + 32767) / 32768),
                each = (n + pieces - 1) / pieces;
  const uint64_t mask = uint64_t(buckets - 1);
  const std::unique_ptr<uint32_t[]> counts(new uint32_t[size_t(pieces * buckets)]);
  for (int p = 0; p < passes; ++p) {
    const int shift = p * digit;
    parallel_pieces(pieces, [&](int64_t piece) {
      uint32_t* const at = counts.get() + piece * buckets;
      std::fill_n(at, buckets, 0u);
      for (int64_t i = piece * each; i < std::min(n, (piece + 1) * each); ++i)
        ++at[items[i].key() >> shift & mask];
    });
    uint32_t sum = 0;
    bool one_bucket = false;
    for (int64_t b = 0; b < buckets; ++b) {
      const uint32_t before = sum;
      for (int64_t piece = 0; piece < pieces; ++piece) {
        uint32_t& at = counts[size_t(piece * buckets + b)];
        const uint32_t count = at;
        at = sum;
        sum += count;
      }
      one_bucket |= int64_t(sum - before) == n;
    }
    if (one_bucket) continue;
    parallel_pieces(pieces, [&](int64_t piece) {
      uint32_t* const at = counts.get() + piece * buckets;
      for (int64_t i = piece * each; i < std::min(n, (piece + 1) * each); ++i)
        other[at[items[i].key() >> shift & mask]++] = items[i];
    });
    std::swap(items, other);
  }
  return items;
}

// Room for sorting lines of up to n elements.
template <class T> struct OrderScratch {
  using Item = ItemOf<T>;
  std::unique_ptr<Item[]> first, second;
  explicit OrderScratch(int64_t n)
      : first(new Item[size_t(std::max(n, kShortLine))]), second(new Item[size_t(std::max(n, kShortLine))]) {}
};

// The items of a line of n elements in order. Several threads share the work when `parallel` is set, which
// only a caller outside of parallel_pieces may do.
template <class T> const ItemOf<T>* ordered_items(const T* x, int64_t n, bool descending,
                                                  OrderScratch<T>& scratch, bool parallel) {
  using Item = ItemOf<T>;
  Item* const items = scratch.first.get();
  if (!parallel || n < kParallelLine) {
    make_items(x, 0, n, descending, items);
    if constexpr (std::is_same_v<Item, NarrowItem>) {
      if (n <= kShortLine) {
        static_assert(sizeof(Item) == sizeof(uint64_t));
        uint64_t key[kShortLine], rank[kShortLine];
        for (int64_t i = 0; i < n; ++i) key[i] = items[i].word;
        best_order_kernels().ranks(key, n, rank);
        for (int64_t i = 0; i < n; ++i) scratch.second[size_t(rank[i])].word = key[i];
        return scratch.second.get();
      }
    } else if (n <= kShortLine) {
      for (int64_t i = 1; i < n; ++i) {
        const Item item = items[i];
        int64_t j = i;
        for (; j > 0 && item < items[j - 1]; --j) items[j] = items[j - 1];
        items[j] = item;
      }
      return items;
    }
    return radix_sort(items, scratch.second.get(), n, int(sizeof(T)) * 8);
  }
  parallel_pieces((n + 65535) / 65536, [&](int64_t piece) {
    make_items(x, piece * 65536, std::min(n, (piece + 1) * 65536), descending, items);
  });
  return radix_sort_parallel(items, scratch.second.get(), n, int(sizeof(T)) * 8);
}

// values and indices (either may be null) of the ordered line.
template <class T> void unpack_items(const ItemOf<T>* items, const T* x, int64_t begin, int64_t end,
                                     bool descending, T* values, int64_t* indices) {
  using Traits = KeyTraits<T>;
  using Bits = typename Traits::Bits;
  if (indices)
    for (int64_t i = begin; i < end; ++i) indices[i] = items[i].index();
  if (!values) return;
  for (int64_t i = begin; i < end; ++i) {
    const Bits stored = Bits(items[i].key()), k = descending ? Bits(~stored) : stored;
    values[i] = Traits::ambiguous(k) ? x[items[i].index()] : Traits::value(k);
  }
}

}  // namespace facula
