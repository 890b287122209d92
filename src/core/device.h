// Where a tensor lives. cpu and meta exist; the other names parse, so that programs can ask.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace facula {

struct Device {
  enum Type : uint8_t {
    CPU,
    CUDA,
    MKLDNN,
    OpenGL,
    OpenCL,
    IDEEP,
    HIP,
    FPGA,
    MAIA,
    XLA,
    Vulkan,
    Metal,
    XPU,
    MPS,
    Meta,
    HPU,
    VE,
    Lazy,
    IPU,
    MTIA,
    PrivateUse1
  };
  Type type = CPU;
  int8_t index = -1;
  constexpr bool operator==(const Device&) const = default;
};

const char* device_type_name(Device::Type);
Device parse_device(std::string_view text);  // "cuda:1"
std::string to_string(Device);
// Throws what PyTorch throws when a tensor is asked for on a device that is not there.
void require_available(Device);

}  // namespace facula
