// Contractions composed of permutations, batched products and sums: einsum, tensordot, bilinear, kron, chains
// of products. No rule of their own: their gradients are those of the steps.
#include <algorithm>
#include <array>
#include "op/entry.h"
#include "ops/functions.h"
#include "ops/matmul.h"
#include "ops/view.h"

namespace facula {
namespace {

int64_t product_of(const Dims& d) { return d.numel(); }

// ---- Two operands with aligned dimensions: sizes of 1 broadcast. `summed[i]`: dimension i is contracted,
// and becomes 1. Dimensions fall in four groups: shared, only of a, only of b, contracted.
Tensor contract(Tensor a, Tensor b, const std::vector<bool>& summed) {
  const int n = a->ndim;
  Dims early_a, early_b;  // contracted dimensions that the other operand does not have
  for (int i = 0; i < n; ++i) {
    if (!summed[size_t(i)]) continue;
    if (a->sizes[i] != 1 && b->sizes[i] == 1) early_a.push(i);
    if (b->sizes[i] != 1 && a->sizes[i] == 1) early_b.push(i);
  }
  if (early_a.count) a = sum(a, early_a, true);
  if (early_b.count) b = sum(b, early_b, true);
  Dims shared, left, right, inner, size_shared, size_left, size_right, size_inner;
  for (int i = 0; i < n; ++i) {
    const int64_t x = a->sizes[i], y = b->sizes[i];
    if (summed[size_t(i)] && (x != 1 || y != 1)) inner.push(i), size_inner.push(x);
    else if (x == 1 && y != 1) right.push(i), size_right.push(y);
    else if (y == 1 && x != 1) left.push(i), size_left.push(x);
    else shared.push(i), size_shared.push(x);
  }
  if (inner.count == 0) return a * b;
  auto order = [](std::initializer_list<const Dims*> groups) {
    Dims all;
    for (const Dims* g : groups)
      for (int64_t d : *g) all.push(d);
    return all;
  };
  const int64_t m = product_of(size_left), k = product_of(size_inner), c = product_of(size_right),
                batches = product_of(size_shared);
  const Tensor x = reshape(permute(a, order({&shared, &left, &inner, &right})), {batches, m, k});
  const Tensor y = reshape(permute(b, order({&shared, &inner, &right, &left})), {batches, k, c});
  const Tensor z = bmm(x, y);
  const Dims placed = order({&shared, &left, &right, &inner});
  Dims sizes = order({&size_shared, &size_left, &size_right}), back = Dims::filled(n, 0);
  for (int i = 0; i < inner.count; ++i) sizes.push(1);
  bool identity = true;
  for (int i = 0; i < n; ++i) {
    back[int(placed[i])] = i;
    identity &= placed[i] == i;
  }
  const Tensor seen = view(z, sizes);
  return identity ? seen : permute(seen, back);
}

// Drops the (now single) dimensions that were contracted.
Tensor without(const Tensor& t, const std::vector<bool>& dropped) {
  Dims sizes;
  for (int i = 0; i < t->ndim; ++i)
    if (!dropped[size_t(i)]) sizes.push(t->sizes[i]);
  return sizes.count == t->ndim ? t : reshape(t, sizes);
}

// ---- einsum

constexpr int kEllipsis = 52, kLabels = 53;  // A-Z, a-z, and the dimensions under `...`

int label_of(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1; }
char letter(int label) { return char(label < 26 ? 'A' + label : 'a' + label - 26); }

struct Equation {
  std::vector<std::vector<int>> inputs;
  std::vector<int> output;
  bool arrow = false;
};

// One subscript list; `at` is its place in the whole text.
std::vector<int> parse_term(std::string_view term, size_t at, const std::string& whose) {
  std::vector<int> labels;
  bool ellipsis = false;
  for (size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == ' ') continue;
    if (c == '.') {
      if (ellipsis) fail("einsum(): found '.' for ", whose, " for which an ellipsis was already found");
      if (term.substr(i, 3) != "...")
        fail("einsum(): found '.' for ", whose, " that is not part of any ellipsis");
      ellipsis = true;
      labels.push_back(kEllipsis);
      i += 2;
      continue;
    }
    const int label = label_of(c);
    if (label < 0)
      fail("einsum(): invalid subscript given at index ", at + i,
           " in the equation string, subscripts must be in [a-zA-Z]");
    labels.push_back(label);
  }
  return labels;
}

Equation parse(std::string_view text, size_t operands) {
  Equation e;
  const size_t arrow = text.find("->");
  e.arrow = arrow != text.npos;
  const std::string_view left = text.substr(0, arrow);
  for (size_t begin = 0;;) {
    const size_t end = std::min(left.find(',', begin), left.size());
    if (e.inputs.size() == operands)
      fail("einsum(): fewer operands were provided than specified in the equation");
    e.inputs.push_back(
        parse_term(left.substr(begin, end - begin), begin, concat("operand ", e.inputs.size())));
    if (end == left.size()) break;
    begin = end + 1;
  }
  if (e.inputs.size() < operands)
    fail("einsum(): more operands were provided than specified in the equation");
  if (e.arrow) {
    e.output = parse_term(text.substr(arrow + 2), arrow + 2, "the output");
    std::array<bool, kLabels> seen{}, known{};
    for (const auto& term : e.inputs)
      for (int label : term) known[size_t(label)] = true;
    for (int label : e.output) {
      if (label == kEllipsis) continue;
      if (std::exchange(seen[size_t(label)], true))
        fail("einsum(): output subscript ", letter(label), " appears more than once in the output");
      if (!known[size_t(label)])
        fail("einsum(): output subscript ", letter(label),
             " does not appear in the equation for any input operand");
    }
    return e;
  }
  // Implicit output: the ellipsis, then what occurs once, in alphabetical order.
  std::array<int, kLabels> count{};
  for (const auto& term : e.inputs)
    for (int label : term) ++count[size_t(label)];
  if (count[kEllipsis]) e.output.push_back(kEllipsis);
  for (int label = 0; label < kEllipsis; ++label)
    if (count[size_t(label)] == 1) e.output.push_back(label);
  return e;
}

struct Layout {  // where each label lies in the aligned operands: output first, then what is summed
  std::array<int, kLabels> at;
  int ellipsis = 0;  // dimensions under `...`
  int kept = 0, total = 0;
};

Layout arrange(const Equation& e, const std::vector<Tensor>& operands) {
  Layout l;
  l.at.fill(-1);
  for (size_t i = 0; i < operands.size(); ++i) {
    const auto& term = e.inputs[i];
    const int ndim = operands[i]->ndim,
              named = int(std::count_if(term.begin(), term.end(), [](int x) { return x != kEllipsis; }));
    const bool open = named != int(term.size());
    if (open ? named > ndim : named != ndim)
      fail("einsum(): the number of subscripts in the equation (", named, ")",
           open ? " is more than the number of dimensions (" : " does not match the number of dimensions (",
           ndim, ") for operand ", i, open ? "" : " and no ellipsis was given");
    if (open) l.ellipsis = std::max(l.ellipsis, ndim - named);
  }
  auto place = [&](int label) {
    if (l.at[size_t(label)] >= 0) return;
    l.at[size_t(label)] = l.total;
    l.total += label == kEllipsis ? l.ellipsis : 1;
  };
  for (int label : e.output) place(label);
  l.kept = l.total;
  for (const auto& term : e.inputs)
    for (int label : term) place(label);
  return l;
}

// An operand with repeated subscripts reduced to diagonals, its dimensions in the layout's order, 1 where it
// has none.
Tensor aligned(Tensor t, const std::vector<int>& term, const Layout& l, size_t index) {
  std::array<int, kLabels> seen;
  seen.fill(-1);
  Dims labels;  // of the dimensions of t, as places in the layout
  const int covered = t->ndim - int(term.size()) + int(std::count(term.begin(), term.end(), kEllipsis));
  int dim = 0;
  for (int label : term) {
    if (label == kEllipsis) {
      for (int i = 0; i < covered; ++i, ++dim) labels.push(l.at[kEllipsis] + l.ellipsis - covered + i);
      continue;
    }
    const int place = l.at[size_t(label)];
    int first = -1;
    for (int i = 0; i < labels.count; ++i)
      if (labels[i] == place) first = i;
    if (first < 0) {
      labels.push(place);
      ++dim;
      continue;
    }
    if (t->sizes[dim] != t->sizes[first])
      fail("einsum(): subscript ", letter(label), " is repeated for operand ", index,
           " but the sizes don't match, ", t->sizes[dim], " != ", t->sizes[first]);
    Dims order;  // the diagonal comes last: back to where the subscript was first
    const int last = t->ndim - 2;
    for (int i = 0; i < last; ++i) {
      if (i == first) order.push(last);
      order.push(i);
    }
    if (first == last) order.push(last);
    t = permute(diagonal(t, 0, first, dim), order);
  }
  Dims order = Dims::filled(l.total, -1);
  for (int i = 0; i < labels.count; ++i) order[int(labels[i])] = i;
  for (int i = 0; i < l.total; ++i)
    if (order[i] < 0) {
      order[i] = t->ndim;
      t = unsqueeze(t, t->ndim);
    }
  return permute(t, order);
}

[[noreturn]] void fail_size(int label, int dim, size_t operand, int64_t size, int64_t seen) {
  if (label == kEllipsis)
    fail("einsum(): dimension ", dim, " covered by ellipsis in operand ", operand, "has size ", size,
         " which does not broadcast with previously seen ellipsis with size ", seen,
         " for the respective dimension");
  fail("einsum(): subscript ", letter(label), " has size ", size, " for operand ", operand,
       " which does not broadcast with previously seen size ", seen);
}

Tensor einsum(std::string_view text, const std::vector<Tensor>& operands) {
  if (operands.empty()) fail("einsum(): must provide at least one operand");
  const Equation e = parse(text, operands.size());
  const Layout l = arrange(e, operands);
  std::vector<Tensor> aligned_operands;
  for (size_t i = 0; i < operands.size(); ++i)
    aligned_operands.push_back(aligned(operands[i], e.inputs[i], l, i));
  // The last operand with a size other than 1 decides when a dimension may be summed.
  std::vector<size_t> last_use(size_t(l.total), 0);
  std::vector<int64_t> sizes(size_t(l.total), 1);
  for (size_t i = 0; i < operands.size(); ++i) {
    int dim = 0;  // of the operand
    for (int label : e.inputs[i]) {
      const bool open = label == kEllipsis;
      const int covered = open ? operands[i]->ndim - int(e.inputs[i].size()) + 1 : 1;
      const int first = l.at[size_t(label)] + (open ? l.ellipsis - covered : 0);
      for (int d = first; d < first + covered; ++d, ++dim) {
        const int64_t here = aligned_operands[i]->sizes[d], seen = sizes[size_t(d)];
        if (here == 1) continue;
        if (seen != 1 && here != seen) fail_size(label, dim, i, here, seen);
        sizes[size_t(d)] = here;
        last_use[size_t(d)] = i;
      }
    }
  }
  Tensor result = aligned_operands[0];
  std::vector<bool> summed(size_t(l.total), false);
  for (size_t i = 1; i < operands.size(); ++i) {
    std::vector<bool> now(size_t(l.total), false);
    for (int d = l.kept; d < l.total; ++d) now[size_t(d)] = last_use[size_t(d)] <= i && !summed[size_t(d)];
    result = contract(result, aligned_operands[i], now);
    for (int d = l.kept; d < l.total; ++d) summed[size_t(d)] = summed[size_t(d)] || now[size_t(d)];
  }
  if (l.kept == l.total) return result;
  if (operands.size() > 1) {
    for (int d = 0; d < l.kept; ++d) summed[size_t(d)] = false;
    return without(result, summed);
  }
  Dims rest;
  for (int d = l.kept; d < l.total; ++d) rest.push(d);
  return sum(result, rest, false);
}

// ---- tensordot

Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& dims_a, const Dims& dims_b) {
  if (dims_a.count != dims_b.count) fail("both dimension lists should have same length");
  if (a->dtype != b->dtype) fail("both inputs should have same dtype");
  Tensor x = a, y = b;
  std::vector<bool> inner_a(size_t(a->ndim), false), inner_b(size_t(b->ndim), false);
  Dims sum_a, sum_b, in_a, in_b;
  int64_t k = 1;
  for (int i = 0; i < dims_a.count; ++i) {
    const int p = own_dim(dims_a[i], a), q = own_dim(dims_b[i], b);
    const int64_t size_a = a->sizes[p], size_b = b->sizes[q];
    if (size_a != size_b && size_a != 1 && size_b != 1)
      fail("contracted dimensions need to match, but first has size ", size_a, " in dim ", dims_a[i],
           " and second has size ", size_b, " in dim ", dims_b[i]);
    for (const auto& [seen, dim] : {std::pair(&inner_a, p), std::pair(&inner_b, q)}) {
      if ((*seen)[size_t(dim)]) fail("dim ", dim, " appears multiple times in the list of dims");
      (*seen)[size_t(dim)] = true;
    }
    if (size_a != size_b) (size_b == 1 ? sum_a : sum_b).push(size_b == 1 ? p : q);
    in_a.push(p);
    in_b.push(q);
    k *= size_a == size_b ? size_a : 1;
  }
  if (sum_a.count) x = to_dtype(sum(x, sum_a, true), a->dtype);
  if (sum_b.count) y = to_dtype(sum(y, sum_b, true), b->dtype);
  Dims order_a, order_b = in_b, sizes;
  int64_t m = 1, n = 1;
  for (int i = 0; i < a->ndim; ++i)
    if (!inner_a[size_t(i)]) order_a.push(i), sizes.push(a->sizes[i]), m *= a->sizes[i];
  for (int64_t d : in_a) order_a.push(d);
  for (int i = 0; i < b->ndim; ++i)
    if (!inner_b[size_t(i)]) order_b.push(i), sizes.push(b->sizes[i]), n *= b->sizes[i];
  return view(mm(reshape(permute(x, order_a), {m, k}), reshape(permute(y, order_b), {k, n})), sizes);
}

// ---- bilinear, kron

Tensor bilinear(const Tensor& x, const Tensor& y, const Tensor& w, const Tensor& bias) {
  if (x->ndim != y->ndim)
    fail("bilinear(): input dimensions do not match: got ", int(x->ndim), " and ", int(y->ndim));
  if (x->ndim == 0 || w->ndim != 3)
    fail("bilinear(): expects inputs of at least one dimension and a weight of three, got ", int(x->ndim),
         " and ", int(w->ndim));
  Dims sizes;
  int64_t rows = 1;
  for (int i = 0; i + 1 < x->ndim; ++i) {
    if (x->sizes[i] != y->sizes[i])
      fail("bilinear(): input batch dimensions do not match at dim ", i, ": got ", x->sizes[i], " and ",
           y->sizes[i]);
    sizes.push(x->sizes[i]);
    rows *= x->sizes[i];
  }
  const int64_t p = x->sizes[x->ndim - 1], q = y->sizes[y->ndim - 1], o = w->sizes[0];
  if (p != w->sizes[1])
    fail("bilinear(): input1 size does not match weight size: got ", p, " but expected ", w->sizes[1]);
  if (q != w->sizes[2])
    fail("bilinear(): input2 size does not match weight size: got ", q, " but expected ", w->sizes[2]);
  if (bias && (bias->ndim != 1 || bias->sizes[0] != o))
    fail("bilinear(): bias size does not match weight size: got ", bias->ndim ? bias->sizes[0] : int64_t(1),
         " but expected ", o);
  sizes.push(o);
  // Each row of x makes a matrix [o, q] of w, which y's row is multiplied with.
  const Tensor left =
      reshape(mm(reshape(x, {rows, p}), reshape(permute(w, {1, 0, 2}), {p, o * q})), {rows, o, q});
  const Tensor out = view(bmm(left, reshape(y, {rows, q, 1})), sizes);
  return bias ? out + bias : out;
}

struct KronView {  // the last step of kron: a product of interleaved dimensions, merged
  static constexpr const char* node = "UnsafeViewBackward0";
  static constexpr uint32_t saves = kNothing;
  Dims to, from{};
  Tensor forward(const Tensor& x) {
    from = x->shape();
    Dims strides;
    if (!x->is_meta() && view_strides(*x, to, strides)) return alias(*x, to, strides);
    const Tensor rows = x->is_meta() ? x : dense(x);
    return alias(*rows, to, contiguous_strides(to));
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = reshape(b.g[0], from); }
};

Tensor kron(const Tensor& a, const Tensor& b) {
  const int n = std::max(a->ndim, b->ndim);
  Dims first, second, merged;
  for (int i = 0; i < n; ++i) {
    const int p = i - (n - a->ndim), q = i - (n - b->ndim);
    first.push(p < 0 ? 1 : a->sizes[p]);
    first.push(1);
    second.push(1);
    second.push(q < 0 ? 1 : b->sizes[q]);
    merged.push(first[2 * i] * second[2 * i + 1]);
  }
  return call_structural(KronView{merged}, reshape(a, first) * reshape(b, second));
}

// ---- Chains

// Where to cut the chain i..j for the fewest multiplications, by dynamic programming over its lengths.
std::vector<std::vector<int>> best_cuts(const std::vector<int64_t>& p) {
  const size_t n = p.size() - 1;
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<int>> cut(n, std::vector<int>(n, 0));
  for (size_t length = 1; length < n; ++length)
    for (size_t i = 0; i + length < n; ++i) {
      const size_t j = i + length;
      double best = -1;
      for (size_t s = i; s < j; ++s) {
        const double c = cost[i][s] + cost[s + 1][j] + double(p[i]) * double(p[s + 1]) * double(p[j + 1]);
        if (best < 0 || c < best) best = c, cut[i][j] = int(s);
      }
      cost[i][j] = best;
    }
  return cut;
}

Tensor chain(const std::vector<Tensor>& m, const std::vector<std::vector<int>>& cut, size_t i, size_t j) {
  if (i == j) return m[i];
  const auto s = size_t(cut[i][j]);
  return mm(chain(m, cut, i, s), chain(m, cut, s + 1, j));
}

Tensor multi_dot(const std::vector<Tensor>& given) {
  const size_t n = given.size();
  if (n < 2) fail("multi_dot(): expected at least 2 tensors but got ", n);
  std::vector<Tensor> m = given;
  const Tensor &first = given.front(), &last = given.back();
  if (first->ndim != 1 && first->ndim != 2)
    fail("multi_dot(): the first tensor must be 1D or 2D but got ", int(first->ndim), "D");
  if (last->ndim != 1 && last->ndim != 2)
    fail("multi_dot(): the last tensor must be 1D or 2D but got ", int(last->ndim), "D");
  Dims sizes;
  if (first->ndim == 1) m.front() = unsqueeze(first, 0);
  else sizes.push(first->sizes[0]);
  if (last->ndim == 1) m.back() = unsqueeze(last, 1);
  else sizes.push(last->sizes[1]);
  std::vector<int64_t> p{m[0]->sizes[0]};
  for (size_t i = 0; i < n; ++i) {
    if (m[i]->ndim != 2) fail("multi_dot(): tensor ", i, " must be 2D but got ", int(m[i]->ndim), "D");
    if (m[i]->dtype != m[0]->dtype)
      fail("multi_dot(): all tensors must have be the same dtype but tensor 0 is ", type_text(m[0]->dtype),
           " and tensor ", i, " ", type_text(m[i]->dtype));
    if (i && m[i - 1]->sizes[1] != m[i]->sizes[0])
      fail("multi_dot(): tensors ", i - 1, " and ", i, " with shapes ", to_string(m[i - 1]->shape()), " and ",
           to_string(m[i]->shape()), " cannot be multiplied");
    p.push_back(m[i]->sizes[1]);
  }
  return view(chain(m, best_cuts(p), 0, n - 1), sizes);
}

Tensor chain_matmul(const std::vector<Tensor>& matrices) {
  if (matrices.empty()) fail("chain_matmul(): Expected one or more matrices");
  for (const Tensor& m : matrices)
    if (m->ndim != 2) fail("Tensor dimension is ", int(m->ndim), ", expected 2 instead.");
  return matrices.size() == 1 ? matrices[0] : multi_dot(matrices);
}

// einsum, tensordot and chain_matmul take their arguments in several ways: facula/_contract.py calls these.
static constexpr OpEntry entries[] = {
    fn<einsum>("_einsum(str equation, Tensor[] operands)", kPrivate),
    fn<tensordot>("_tensordot(Tensor a, Tensor b, int[] dims_a, int[] dims_b)", kPrivate | kWideFloat8),
    fn<chain_matmul>("_chain_matmul(Tensor[] matrices)", kPrivate),
    fn<multi_dot>("multi_dot(Tensor[] tensors)", kLinalg | kExactOut | kWideFloat8),
    fn<bilinear>("bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None)", kNN | kFunction),
    moves<kron>("kron(Tensor input, Tensor other)", kFunction | kMethod | kOut),
};

}  // namespace
FACULA_ENTRIES(einsum)

}  // namespace facula
