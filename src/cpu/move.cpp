#include "cpu/move.h"
#include <algorithm>
#include "core/parallel.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(MoveKernels, move_kernels)

namespace {

constexpr int64_t kPiece = 1 << 15;    // elements, about
constexpr int64_t kAlone = 512 << 10;  // bytes that one thread moves sooner than it wakes another

struct Axis {
  int64_t size, to, from;
};

class Move {
 public:
  Move(const Dims& sizes, int64_t item, char* to, const Dims& to_strides, const char* from,
       const Dims& from_strides)
      : item_(item), to_(to), from_(from), total_(sizes.numel()) {
    for (int d = 0; d < sizes.count; ++d)
      if (sizes[d] != 1) add({sizes[d], to_strides[d], from_strides[d]});
    merge();
    inner_ = count_ ? axes_[--count_] : Axis{1, item, item};
    if (inner_.to == item && inner_.from != item && inner_.size >= kFew) find_turn();
    const MoveKernels& k = best_move_kernels();
    const int log = item == 1 ? 0 : item == 2 ? 1 : item == 4 ? 2 : item == 8 ? 3 : 4;
    row_ = k.row[log];
    turn_ = k.turn[log];
  }

  void run() const {
    const int64_t outer = turned_.size ? turned_.size : inner_.size,
                  groups = total_ / (turned_.size ? turned_.size * inner_.size : inner_.size);
    if (total_ * item_ <= kAlone) return part(0, groups, 0, outer);
    const int64_t across = turned_.size ? inner_.size : 1,  // elements of a step along the cut axis
        step = std::max<int64_t>(64, kPiece / across), cuts = (outer + step - 1) / step,
                  together = cuts > 1 ? 1 : std::max<int64_t>(1, kPiece / (outer * across)),
                  bundles = (groups + together - 1) / together;
    parallel_pieces(bundles * cuts, [&](int64_t piece) {
      const int64_t first = piece / cuts * together, cut = piece % cuts;
      part(first, std::min(groups, first + together), cut * step, std::min(outer, (cut + 1) * step));
    });
  }

 private:
  static constexpr int64_t kFew = 8;

  // In the order of memory: the smallest stride of `to` innermost.
  void add(Axis a) {
    if (a.to < 0) {  // the other way round
      to_ += (a.size - 1) * a.to;
      from_ += (a.size - 1) * a.from;
      a.to = -a.to;
      a.from = -a.from;
    }
    int i = count_++;
    for (; i > 0 && axes_[i - 1].to < a.to; --i) axes_[i] = axes_[i - 1];
    axes_[i] = a;
  }
  void merge() {
    int last = -1;
    for (int i = 0; i < count_; ++i) {
      const Axis a = axes_[i];
      if (last >= 0 && axes_[last].to == a.to * a.size && axes_[last].from == a.from * a.size)
        axes_[last] = {axes_[last].size * a.size, a.to, a.from};
      else axes_[++last] = a;
    }
    count_ = last + 1;
  }
  // Another axis along which `from` is dense makes the copy a transposition.
  void find_turn() {
    for (int i = 0; i < count_; ++i) {
      Axis& a = axes_[i];
      if ((a.from != item_ && a.from != -item_) || a.size < kFew) continue;
      if (a.from < 0) {
        to_ += (a.size - 1) * a.to;
        from_ += (a.size - 1) * a.from;
        a.to = -a.to;
        a.from = -a.from;
      }
      turned_ = a;
      std::copy(axes_ + i + 1, axes_ + count_, axes_ + i);
      --count_;
      return;
    }
  }

  // Groups (positions of all other axes) [first, last), of each the steps [begin, end) along the cut axis.
  void part(int64_t first, int64_t last, int64_t begin, int64_t end) const {
    int64_t at[kMaxDims], rest = first;
    char* to = to_;
    const char* from = from_;
    for (int i = count_ - 1; i >= 0; --i) {
      at[i] = rest % axes_[i].size;
      rest /= axes_[i].size;
      to += at[i] * axes_[i].to;
      from += at[i] * axes_[i].from;
    }
    const Axis& cut = turned_.size ? turned_ : inner_;
    to += begin * cut.to;
    from += begin * cut.from;
    for (int64_t g = first; g < last; ++g) {
      if (turned_.size) turn_(to, turned_.to, from, inner_.from, end - begin, inner_.size);
      else row_(to, inner_.to, from, inner_.from, end - begin);
      for (int i = count_ - 1; i >= 0; --i) {
        to += axes_[i].to;
        from += axes_[i].from;
        if (++at[i] < axes_[i].size) break;
        to -= at[i] * axes_[i].to;
        from -= at[i] * axes_[i].from;
        at[i] = 0;
      }
    }
  }

  int64_t item_;
  char* to_;
  const char* from_;
  int64_t total_;
  Axis axes_[kMaxDims];
  int count_ = 0;
  Axis inner_{}, turned_{};  // turned_: no size where it is none
  void (*row_)(char*, int64_t, const char*, int64_t, int64_t);
  void (*turn_)(char*, int64_t, const char*, int64_t, int64_t, int64_t);
};

}  // namespace

void move_elements(const Dims& sizes, int64_t item, char* to, const Dims& to_strides, const char* from,
                   const Dims& from_strides) {
  if (sizes.numel()) Move(sizes, item, to, to_strides, from, from_strides).run();
}

}  // namespace facula
