#include "capi/private_dir.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace heim::capi {
namespace {

/// A socket's path must fit into 107 bytes, with its file's name.
constexpr std::size_t longest = 60;

}  // namespace

PrivateDir::PrivateDir() {
  const char* given = std::getenv("TMPDIR");
  path_ = given && *given == '/' ? given : "/tmp";
  if (path_.size() > longest) path_ = "/tmp";
  path_ += "/heimproxy-XXXXXX";
  if (!::mkdtemp(path_.data())) {
    throw std::system_error(errno, std::generic_category(), "cannot make " + path_);
  }
}

PrivateDir::~PrivateDir() { ::rmdir(path_.c_str()); }

}  // namespace heim::capi
