// What a node shows of what it keeps: grad_fn._saved_self and the like.
#include <algorithm>
#include <cstring>
#include "autograd/parameters.h"
#include "op/pointwise.h"
#include "python/nodes.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

// What structural nodes keep of their inputs and outputs, in this order, by PyTorch's names; "-": nothing
// that it names, "x*": this and all after it, as a tuple.
constexpr std::pair<std::string_view, std::string_view> kSavedNames[] = {
    {"MmBackward0", "self mat2"},
    {"AddmmBackward0", "- mat1 mat2"},
    {"BmmBackward0", "self mat2"},
    {"BaddbmmBackward0", "- batch1 batch2"},
    {"AddbmmBackward0", "- batch1 batch2"},
    {"MvBackward0", "self vec"},
    {"AddmvBackward0", "- mat vec"},
    {"AddrBackward0", "- vec1 vec2"},
    {"DotBackward0", "self tensor"},
    {"VdotBackward0", "self other"},
    {"SoftmaxBackward0", "- result"},
    {"LogSoftmaxBackward0", "- result"},
    {"ConvolutionBackward0", "input weight"},
    {"NativeLayerNormBackward0", "input weight"},
    {"NativeGroupNormBackward0", "input weight"},
    {"NativeBatchNormBackward0", "input weight"},
    {"CumprodBackward0", "self result"},
    {"ProdBackward0", "self result"},
    {"ProdBackward1", "self result"},
    {"LinalgVectorNormBackward0", "self result"},
    {"LogsumexpBackward0", "self result"},
    {"StdBackward0", "self result"},
    {"VarBackward0", "self"},
    {"MaxBackward0", "- - indices"},
    {"MinBackward0", "- - indices"},
    {"MaxBackward1", "self result"},
    {"MinBackward1", "self result"},
    {"AmaxBackward0", "self result"},
    {"AminBackward0", "self result"},
    {"MedianBackward1", "- - indices"},
    {"KthvalueBackward0", "- - indices"},
    {"SortBackward0", "- - indices"},
    {"SortBackward1", "- - indices"},
    {"TopkBackward0", "- - indices"},
    {"CumminBackward0", "- - indices"},
    {"CummaxBackward0", "- - indices"},
    {"GatherBackward0", "- index"},
    {"ScatterAddBackward0", "- index"},
    {"ScatterBackward0", "- index"},
    {"ScatterBackward1", "- index"},
    {"TakeBackward0", "- index"},
    {"PutBackward0", "- index source"},
    {"MaskedScatterBackward0", "- mask"},
    {"DistBackward0", "self other result"},
    {"CdistBackward0", "x1 x2 result"},
    {"VarMeanBackward0", "self"},
    {"StdMeanBackward0", "self result0"},
    {"IndexSelectBackward0", "- index"},
    {"IndexAddBackward0", "- index"},
    {"IndexBackward0", "- indices*"},
    {"EmbeddingBackward0", "- indices"},
    {"MaskedFillBackward0", "- mask"},
    {"MaskedSelectBackward0", "self mask"},
    {"MseLossBackward0", "self target"},
    {"SmoothL1LossBackward0", "self target"},
    {"HuberLossBackward0", "self target"},
    {"BinaryCrossEntropyBackward0", "self target weight"},
    {"BinaryCrossEntropyWithLogitsBackward0", "self target weight pos_weight"},
    {"LogcumsumexpBackward0", "self result"},
    {"LinalgCholeskyExBackward0", "- L"},
    {"LinalgInvExBackward0", "- inverse"},
    {"LinalgQrBackward0", "- Q R"},
    {"LinalgSvdBackward0", "- U S Vh"},
    {"LinalgEighBackward0", "- eigenvalues eigenvectors"},
    {"FftR2CBackward0", "self"},
};

PyObject* saved_by(Node* n, const NodeParts& parts, size_t i, bool raw) {
  PyErr_Clear();
  if (raw) return guarded([&] { return new_saved_tensor(n, i); });
  return guarded([&]() -> PyObject* {
    if (parts.released) fail_released(n);
    const Saved& s = parts.saved[i];
    if (!s.present) return Py_NewRef(Py_None);
    if (!s.tensor) return wrap(s.scalar);
    const Tensor kept = unpack(s, n);
    return wrap(is_floating(kept->dtype) ? kept : alias(*kept));  // indices have no history
  });
}

// The names under which a node shows what it keeps: of tensors, by the table above or the parameters of the
// entry, and of the parameters it knows.
struct SavedName {
  std::string_view name;
  int slot = -1;     // of a tensor
  bool all = false;  // this slot and those behind it
  int parameter = -1;
};
std::vector<SavedName> saved_names(const Node& n, Parameters& parameters) {
  std::vector<SavedName> names;
  const NodeParts parts = n.parts();
  if (const auto* op = static_cast<const PointwiseOp*>(parts.pointwise)) {
    unsigned reads = 0;  // by any of the gradients, needed or not
    const GradRules rules =
        op->usual && !op->usual(parts.params) ? op->rules(parts.params) : *op->usual_rules;
    for (int i = 0; i < op->arity; ++i) reads |= rules.v[i].reads;
    for (size_t i = 0; i < parts.saved_count; ++i) {
      std::string_view called = i + 1 == parts.saved_count ? "result" : op->info->signature.params[i].name;
      if (called == "input") called = "self";
      if (reads >> i & 1 || parts.saved[i].present) names.push_back({called, int(i)});
    }
  } else if (const auto* row = std::find_if(std::begin(kSavedNames), std::end(kSavedNames),
                                            [&](const auto& r) { return r.first == n.name; });
             row != std::end(kSavedNames)) {
    std::string_view rest = row->second;
    for (size_t i = 0; i < parts.saved_count && !rest.empty(); ++i) {
      const size_t end = std::min(rest.find(' '), rest.size());
      std::string_view one = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const bool all = one.ends_with('*');
      if (all) one.remove_suffix(1);
      if (one != "-") names.push_back({one, int(i), all});
    }
  }
  n.show(parameters);
  for (size_t i = 0; i < parameters.all.size(); ++i)
    if (parameters.all[i].name[0] != '-')  // what nodes.cpp alone asks for
      names.push_back({parameters.all[i].name, -1, false, int(i)});
  return names;
}

PyObject* wrap_parameter(const ParameterValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return PyBool_FromLong(*b);
  if (const auto* i = std::get_if<int64_t>(&value))
    return PyLong_FromUnsignedLongLong(uint64_t(*i));  // as PyTorch
  if (const auto* d = std::get_if<double>(&value)) return PyFloat_FromDouble(*d);
  if (const auto* s = std::get_if<Scalar>(&value)) return wrap(*s);
  if (const auto* t = std::get_if<std::string_view>(&value))
    return PyUnicode_FromStringAndSize(t->data(), Py_ssize_t(t->size()));
  const auto* dims = std::get_if<Dims>(&value);
  if (!dims) Py_RETURN_NONE;
  const Owned tuple(PyTuple_New(dims->count));
  for (int i = 0; i < dims->count; ++i) PyTuple_SET_ITEM(tuple.get(), i, PyLong_FromLongLong((*dims)[i]));
  return Py_NewRef(tuple.get());
}

}  // namespace

PyObject* saved_called(Node* n, std::string_view wanted, bool raw) {
  const NodeParts parts = n->parts();
  Parameters parameters;
  for (const SavedName& s : saved_names(*n, parameters)) {
    if (s.name != wanted || (raw && s.slot < 0)) continue;
    PyErr_Clear();
    if (s.slot < 0) return guarded([&] { return wrap_parameter(parameters.all[size_t(s.parameter)].value); });
    const size_t first = size_t(s.slot);
    if (!s.all) return saved_by(n, parts, first, raw);
    return guarded([&] {
      const Owned all(PyTuple_New(Py_ssize_t(parts.saved_count - first)));
      for (size_t k = first; k < parts.saved_count; ++k) {
        PyObject* part = saved_by(n, parts, k, raw);
        if (!part) throw PythonErrorAlreadySet();
        PyTuple_SET_ITEM(all.get(), Py_ssize_t(k - first), part);
      }
      return Py_NewRef(all.get());
    });
  }
  return nullptr;
}

std::vector<std::string> saved_attributes(const Node& n) {
  std::vector<std::string> names;
  Parameters parameters;
  for (const SavedName& s : saved_names(n, parameters)) {
    names.push_back(concat("_saved_", s.name));
    if (s.slot >= 0) names.push_back(concat("_raw_saved_", s.name));
  }
  return names;
}

}  // namespace facula::python
