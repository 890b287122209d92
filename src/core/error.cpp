#include "core/error.h"
#include <charconv>
#include <cstdio>

namespace facula {

void text::append(std::string& s, double part) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, part).ptr;
  s.append(buffer, end);
}

void (*warning_handler)(const char*) = nullptr;

void warn(const std::string& message) {
  if (warning_handler) warning_handler(message.c_str());
  else std::fprintf(stderr, "warning: %s\n", message.c_str());
}

}  // namespace facula
