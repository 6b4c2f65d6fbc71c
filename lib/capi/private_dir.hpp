// A directory that no other user can enter, for a socket of this process.
#pragma once
#include <string>

namespace heim::capi {

class PrivateDir {
 public:
  /// Under $TMPDIR, or /tmp. Throws std::system_error.
  PrivateDir();
  /// Removes it; what others put there stays, and it with that.
  ~PrivateDir();
  PrivateDir(const PrivateDir&) = delete;
  PrivateDir& operator=(const PrivateDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace heim::capi
