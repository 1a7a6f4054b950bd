// A shared library, loaded once, that reports every symbol it lacks.
#pragma once
#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace twin {

class Library {
 public:
  explicit Library(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) throw std::runtime_error(dlerror());
  }
  ~Library() { dlclose(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <class Function>
  void find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(handle_, name));
    if (!function) missing_ += std::string(missing_.empty() ? "" : ", ") + name;
  }

  void require_all() const {
    if (!missing_.empty()) throw std::runtime_error("missing symbols: " + missing_);
  }

 private:
  void* handle_;
  std::string missing_;
};

}  // namespace twin
