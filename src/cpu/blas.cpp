#include "cpu/blas.h"
#include <dlfcn.h>

namespace facula {
namespace {

std::string (*locator)() = nullptr;

struct Library {
  void* handle = nullptr;
  std::string problem;

  Library() {
    const std::string path = locator ? locator() : std::string();
    if (path.empty()) {
      problem = "needs the package scipy-openblas32, which is not installed: pip install scipy-openblas32";
      return;
    }
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      const char* reason = dlerror();
      problem = "could not load " + path + ": " + (reason ? reason : "unknown reason");
      return;
    }
    // Its own threads would compete with our pool, and results would depend on their number.
    if (auto* set_threads = reinterpret_cast<void (*)(int)>(find("openblas_set_num_threads"))) set_threads(1);
  }
  void* find(const char* name) const { return dlsym(handle, (std::string("scipy_") + name).c_str()); }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

}  // namespace

void set_blas_locator(std::string (*f)()) { locator = f; }

bool blas_available() { return library().handle != nullptr; }

void* blas_symbol(const char* name) {
  const Library& blas = library();
  if (!blas.handle) fail("linear algebra ", blas.problem);
  if (void* address = blas.find(name)) return address;
  fail("OpenBLAS has no function ", name);
}

}  // namespace facula
