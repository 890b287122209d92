// The parameters that a node shows by name: grad_fn._saved_dim.
#pragma once
#include <optional>
#include <string_view>
#include <variant>
#include <vector>
#include "core/dims.h"
#include "core/scalar.h"

namespace facula {

struct NoParameter {};
using ParameterValue = std::variant<NoParameter, bool, int64_t, double, Scalar, Dims, std::string_view>;

struct Parameters {
  struct Named {
    std::string_view name;  // of static storage
    ParameterValue value;   // NoParameter: None
  };
  std::vector<Named> all;

  template <class T> void operator()(std::string_view name, const T& value) {
    if constexpr (requires { value.has_value(); }) {
      if (value) (*this)(name, *value);
      else all.push_back({name, NoParameter{}});
    } else if constexpr (requires { value.present; }) {  // MaybeNumber
      all.push_back({name, value.present ? ParameterValue(value.value) : ParameterValue(NoParameter{})});
    } else if constexpr (std::is_same_v<T, int>) {
      all.push_back({name, ParameterValue(int64_t(value))});
    } else if constexpr (std::is_constructible_v<ParameterValue, std::in_place_type_t<T>, T>) {
      all.push_back({name, ParameterValue(std::in_place_type<T>, value)});
    }
  }
};

}  // namespace facula
