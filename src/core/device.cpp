#include "core/device.h"
#include "core/error.h"

namespace facula {
namespace {
constexpr const char* kNames[] = {"cpu",  "cuda", "mkldnn", "opengl", "opencl", "ideep", "hip",
                                  "fpga", "maia", "xla",    "vulkan", "metal",  "xpu",   "mps",
                                  "meta", "hpu",  "ve",     "lazy",   "ipu",    "mtia",  "privateuseone"};
}

const char* device_type_name(Device::Type t) { return kNames[t]; }

std::string to_string(Device d) {
  std::string s = kNames[d.type];
  if (d.index >= 0) s += ":" + std::to_string(d.index);
  return s;
}

Device parse_device(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  Device d;
  if (text.empty()) fail("Device string must not be empty");
  int found = -1;
  for (int i = 0; i < int(std::size(kNames)); ++i)
    if (type == kNames[i]) found = i;
  if (found < 0)
    fail(
        "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, "
        "vulkan, "
        "mps, meta, hpu, mtia, privateuseone device type at start of device string: ",
        type);
  d.type = Device::Type(found);
  if (colon == text.npos) return d;
  const std::string_view digits = text.substr(colon + 1);
  int value = 0;
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0'))
    fail("Invalid device string: '", text, "'");
  for (char c : digits) {
    if (c < '0' || c > '9') fail("Invalid device string: '", text, "'");
    value = value * 10 + (c - '0');
  }
  if (value > 127) fail("Invalid device string: '", text, "'");
  d.index = int8_t(value);
  return d;
}

void require_available(Device d) {
  if (d.type == Device::CPU || d.type == Device::Meta) return;
  if (d.type == Device::CUDA) fail<AssertionError>("Torch not compiled with CUDA enabled");
  if (d.type == Device::XPU) fail<AssertionError>("Torch not compiled with XPU enabled");
  fail<NotImplemented>("Could not run 'aten::empty.memory_format' with arguments from the '", kNames[d.type],
                       "' backend: facula computes on 'cpu' and traces shapes on 'meta'");
}

}  // namespace facula
