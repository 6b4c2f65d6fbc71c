// Where a configuration came from, so that a reload can read it again.
#pragma once
#include <string>

#include "base/secret.hpp"
#include "config/load.hpp"
#include "heimproxy/heimproxy.h"

namespace heim::capi {

class Source {
 public:
  static Source file(std::string path);
  static Source text(std::string_view text, heim_config_format format);

  /// Reads it, with ${VAR} from the process's environment. A file that cannot be read throws
  /// Failure (SYSTEM); what is wrong in it is in the result.
  config::LoadResult load() const;
  /// The same for a reload: that the file cannot be read is one more thing wrong in the result.
  config::LoadResult load_again() const;

 private:
  std::string path_;  // empty: text_
  Secret text_;       // passwords may be in it
  heim_config_format format_ = HEIM_CONFIG_DETECT;
};

}  // namespace heim::capi
