#include "autograd/places.h"
#include <utility>
#include "autograd/node.h"

namespace facula {

PlaceReader place_reader{};

namespace {

constexpr int kWrites = 256, kBackwards = 64;  // how far back errors can look

struct Write {
  const uint32_t* counter = nullptr;  // of the memory written to
  uint32_t version = 0;               // after the write
  uint64_t node = 0;                  // next_node() at that time: the memory may have had other owners before
  Place place;
};
Write writes[kWrites];
struct Backward {
  uint64_t newest = 0, oldest = 0;  // of the nodes it freed
  Place place;
};
Backward backwards[kBackwards];
uint64_t write_count = 0, backward_count = 0;

void put(Place& slot, Place p) {
  const Place old = std::exchange(slot, p);
  if (old.code) place_reader.drop(old);
}

}  // namespace

[[gnu::cold]] [[gnu::noinline]] static void refuse_uncounted(const TensorImpl& t) {
  fail(
      "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
      "normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more "
      "details.\nThe tensor of shape ",
      to_string(t.shape()), ", dtype torch.", name(t.dtype),
      ", was made under inference_mode(), and has been written to.\nSuggestion: x = x.clone() before the "
      "write, or make x under no_grad().");
}

void note_write(TensorImpl& t) {
  if (!mode.inference && !t.counts_writes()) refuse_uncounted(t);
  if (!place_reader.here || !(t.kept || (t.base && t.base->kept))) return;
  Write& w = writes[write_count++ % kWrites];
  w.counter = t.version_counter;
  w.version = t.version();
  w.node = next_node();
  put(w.place, place_reader.here());
  // Only the first write after a tensor was kept can be the one to blame.
  t.kept = false;
  if (t.base) t.base->kept = false;
}

std::string place_of_write(const TensorImpl& t, uint32_t since, uint64_t node) {
  for (const Write& w : writes)
    if (w.counter == t.version_counter && w.version == since + 1 && w.node > node && w.place.code)
      return place_reader.text(w.place);
  return "";
}

FreeingBackward::FreeingBackward(bool frees) {
  if (frees && place_reader.here) place_ = place_reader.here();
}

FreeingBackward::~FreeingBackward() {
  if (!place_.code) return;
  Backward& b = backwards[backward_count++ % kBackwards];
  b.newest = newest_;
  b.oldest = oldest_;
  put(b.place, place_);
}

std::string place_of_backward(uint64_t node) {
  const Backward* found = nullptr;
  for (const Backward& b : backwards)
    if (b.place.code && b.oldest <= node && node <= b.newest &&
        (!found || b.newest - b.oldest < found->newest - found->oldest))
      found = &b;
  return found ? place_reader.text(found->place) : "";
}

}  // namespace facula
