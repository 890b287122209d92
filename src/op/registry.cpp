// The entries of all families in one vector. Families are referenced by symbol: nothing for a linker to drop.
#include <unordered_map>
#include "op/pointwise.h"
#include "ops/families.h"

namespace facula {

#define FACULA_DECLARE(family) extern const EntryList family##_entries;
FACULA_ENTRY_FAMILIES(FACULA_DECLARE)
#undef FACULA_DECLARE

namespace {

template <class... Ops> void add_pointwise(List<Ops...>, std::vector<const OpEntry*>& all) {
  static const OpEntry entries[] = {
      OpEntry{Ops::info.signature, Ops::info.scope, Ops::info.aliases, &row<Ops>, nullptr}...};
  for (const OpEntry& e : entries) all.push_back(&e);
}

std::vector<const OpEntry*> collect() {
  std::vector<const OpEntry*> all;
#define ADD(family) add_pointwise(family##_ops{}, all);
  FACULA_FAMILIES(ADD)
#undef ADD
#define ADD(family) \
  for (int i = 0; i < family##_entries.count; ++i) all.push_back(family##_entries.begin + i);
  FACULA_ENTRY_FAMILIES(ADD)
#undef ADD
  return all;
}

}  // namespace

const std::vector<const OpEntry*>& all_entries() {
  static const std::vector<const OpEntry*> all = collect();
  return all;
}

const PointwiseOp* find_pointwise(std::string_view name) {
  static const auto by_name = [] {
    std::unordered_map<std::string_view, const PointwiseOp*> map;
    for (const OpEntry* e : all_entries())
      if (e->pointwise) {
        // pow has a form with a number and one with a tensor: formulas mean the one that is all tensors.
        auto& op = map.try_emplace(e->signature.name, e->pointwise).first->second;
        if (op->params_size && !e->pointwise->params_size) op = e->pointwise;
      }
    return map;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

}  // namespace facula
