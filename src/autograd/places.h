// Where in the user's program something happened, remembered so that an error can name the line: in-place
// writes to what a node has kept, and the backward passes that dropped what nodes had kept. Two small rings,
// guarded by the GIL; nothing is turned into text before it is asked for.
#pragma once
#include <cstdint>
#include <string>
#include "core/tensor.h"

namespace facula {

struct Place {  // one count of `code` is owned
  void* code = nullptr;
  int at = 0;
};
struct PlaceReader {           // set by the Python layer
  Place (*here)();             // without code where no program is running
  void (*drop)(Place);         // lets go of the code
  std::string (*text)(Place);  // "train.py:12, in step: `x += 1`"
};
extern PlaceReader place_reader;

// A node has kept t: the next write to it is worth remembering. (TensorImpl::kept is the mark; nothing else
// uses it.) Views are marked through their base, which every write through another view looks at.
inline void mark_kept(TensorImpl& t) {
  t.kept = true;
  if (t.base) t.base->kept = true;
}
void note_write(TensorImpl& t);
// Counts a write to t, and remembers the line of the program where a node has kept what was there. Throws
// where writes to t are not counted outside of inference mode: after the write, as in PyTorch.
inline void count_write(TensorImpl& t) {
  t.bump_version();
  if (t.kept || t.inference || t.own_version || (t.base && t.base->kept)) [[unlikely]]
    note_write(t);
}
// The first write to t's memory after version `since` and after the node numbered `node` was made; "" where
// none was noted.
std::string place_of_write(const TensorImpl& t, uint32_t since, uint64_t node);
uint64_t next_node();  // the number of the next node: what orders writes and nodes

// A backward that frees the graph: it tells the numbers of the nodes it frees, from the newest to the oldest.
class FreeingBackward {
 public:
  explicit FreeingBackward(bool frees);
  void freed(uint64_t node) {
    if (!newest_) newest_ = node;
    oldest_ = node;
  }
  ~FreeingBackward();

 private:
  uint64_t newest_ = 0, oldest_ = 0;
  Place place_;
};
// Where the backward ran that freed the node of this number: of those it may have been, the one that freed
// the fewest.
std::string place_of_backward(uint64_t node);

// As errors name a node: "Add" for AddBackward0, "Squeeze1" for SqueezeBackward1.
std::string short_name(const Node&);

}  // namespace facula
