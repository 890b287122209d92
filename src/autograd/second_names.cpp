// Which name the node of a recorded gradient has in PyTorch, by the name of the node that gave it.
#include "autograd/second_names.h"
#include "autograd/parameters.h"
#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace facula {
namespace {

// Nodes whose gradient is one operation of PyTorch's, called XBackwardBackward0 where they are XBackward0.
constexpr std::string_view kTwice[] = {
    "HardtanhBackward0",
    "GeluBackward0",
    "EluBackward0",
    "LeakyReluBackward0",
    "HardswishBackward0",
    "SoftplusBackward0",
    "SoftshrinkBackward0",
    "HardshrinkBackward0",
    "LogSigmoidBackward0",
    "SigmoidBackward0",
    "TanhBackward0",
    "ThresholdBackward0",
    "PreluKernelBackward0",
    "RreluWithNoiseBackward0",
    "NativeLayerNormBackward0",
    "NativeBatchNormBackward0",
    "MseLossBackward0",
    "BinaryCrossEntropyBackward0",
    "SmoothL1LossBackward0",
    "HuberLossBackward0",
    "SoftMarginLossBackward0",
    "NllLossBackward0",
    "NllLoss2DBackward0",
    "EmbeddingBagBackward0",
    "CdistBackward0",
    "PdistBackward0",
    "SelectBackward0",
    "SliceBackward0",
    "DiagonalBackward0",
    "UnfoldBackward0",
    "ConvolutionBackward0",
    "UpsampleNearest1DBackward0",
    "UpsampleNearest2DBackward0",
    "UpsampleNearest3DBackward0",
    "UpsampleLinear1DBackward0",
    "UpsampleBilinear2DBackward0",
    "UpsampleBicubic2DBackward0",
    "UpsampleTrilinear3DBackward0",
    "UpsampleNearestExact1DBackward0",
    "UpsampleNearestExact2DBackward0",
    "UpsampleNearestExact3DBackward0",
    "UpsampleBilinear2DAaBackward0",
    "UpsampleBicubic2DAaBackward0",
    "ReflectionPad1DBackward0",
    "ReflectionPad2DBackward0",
    "ReflectionPad3DBackward0",
    "ReplicationPad1DBackward0",
    "ReplicationPad2DBackward0",
    "ReplicationPad3DBackward0",
    "MaxPool2DWithIndicesBackward0",
    "MaxPool3DWithIndicesBackward0",
    "AdaptiveMaxPool2DBackward0",
    "AdaptiveMaxPool3DBackward0",
    "FractionalMaxPool2DBackward0",
    "FractionalMaxPool3DBackward0",
};
constexpr std::pair<std::string_view, const char*> kOthers[] = {
    {"ReluBackward0", "ThresholdBackwardBackward0"},
    {"CeluBackward0", "EluBackwardBackward0"},
    {"SoftmaxBackward0", "SoftmaxBackwardDataBackward0"},
    {"LogSoftmaxBackward0", "LogSoftmaxBackwardDataBackward0"},
    {"EmbeddingBackward0", "EmbeddingDenseBackwardBackward0"},
    {"MaxBackward0", "ScatterBackward0"},
    {"MinBackward0", "ScatterBackward0"},
    {"SortBackward0", "ScatterBackward0"},
    {"SortBackward1", "ScatterBackward0"},
    {"TopkBackward0", "ScatterBackward0"},
    {"KthvalueBackward0", "ScatterBackward0"},
    {"MedianBackward1", "ScatterBackward0"},
    {"MaxBackward1", "MaskedFillBackward1"},
    {"MinBackward1", "MaskedFillBackward1"},
    {"MedianBackward0", "MaskedFillBackward1"},
    {"MeanBackward0", "DivBackward1"},
    {"MeanBackward1", "DivBackward1"},
    {"TBackward0", "TBackward0"},
    {"TraceBackward0", "ViewBackward0"},
    {"Exp2Backward0", "MulBackward1"},
    {"Deg2RadBackward0", "MulBackward1"},
    {"Rad2DegBackward0", "MulBackward1"},
    {"LerpBackward0", "MulBackward1"},
    {"AsinhBackward0", "MulBackward0"},
    {"NanToNumBackward0", "MulBackward0"},
    {"NansumBackward0", "MulBackward0"},
    {"PowBackward2", "MulBackward0"},
    {"HypotBackward0", "DivBackward0"},
    {"MaximumBackward0", "MaskedFillBackward0"},
    {"MinimumBackward0", "MaskedFillBackward0"},
    {"FmaxBackward0", "MaskedFillBackward0"},
    {"FminBackward0", "MaskedFillBackward0"},
    {"ModeBackward0", "ScatterBackward0"},
    {"NanmedianBackward0", "MaskedFillBackward1"},
    {"DiagonalBackward0_copy", "DiagonalBackwardBackward0"},
    {"MaskedSelectBackward0", "MaskedScatterBackward0"},
    {"IndexBackward0", "IndexPutImplBackward0"},
    {"TakeBackward0", "PutBackward0"},
    {"RepeatBackward0", "SumBackward1"},
};

const std::unordered_map<std::string_view, std::string>& names() {
  static const auto* all = [] {
    auto* map = new std::unordered_map<std::string_view, std::string>;  // nodes keep addresses of its texts
    for (std::string_view n : kTwice) map->emplace(n, std::string(n.substr(0, n.size() - 1)) + "Backward0");
    for (const auto& [n, second] : kOthers) map->emplace(n, second);
    return map;
  }();
  return *all;
}

}  // namespace

// Gradients of weights that a product took transposed are transposed back.
static void name_transposed(const Node& n, Tensor* grads, uint64_t first) {
  Parameters parameters;
  n.show(parameters);
  for (const Parameters::Named& p : parameters.all)
    if (p.name == "-transposed")
      for (int i = 0; i < n.edge_count; ++i)
        if (Node* made = grads[i] ? grads[i]->grad_fn : nullptr;
            made && made->sequence >= first && (std::get<int64_t>(p.value) >> i & 1))
          made->name = "TBackward0";
}

static thread_local bool naming = true;
bool give_second_names(bool on) { return std::exchange(naming, on); }

void name_second(const Node& n, Tensor* grads, uint64_t first) {
  if (!naming) return;
  const std::string_view name = n.name;
  if (name == "MmBackward0" || name == "AddmmBackward0") return name_transposed(n, grads, first);
  const auto found = names().find(name);
  if (found == names().end()) return;
  const int count = name.starts_with("BinaryCross") ? 1 : n.edge_count;
  for (int i = 0; i < count; ++i)
    if (Node* made = grads[i] ? grads[i]->grad_fn : nullptr; made && made->sequence >= first)
      made->name = found->second.c_str();
}

void name_sum(const TensorImpl& before, TensorImpl& sum, uint64_t began) {
  const Node* copy = before.grad_fn;
  if (copy && sum.grad_fn && copy->sequence >= began && std::string_view(copy->name) == "CopyBackwards")
    sum.grad_fn->name = copy->name;
}

}  // namespace facula
