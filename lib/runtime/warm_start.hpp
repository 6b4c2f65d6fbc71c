// The file of what was asked most often: read at the start, and asked anew (session/refill.hpp);
// written now and then, and at the end.
//
// It holds statements and their parameters, and who asked: it is readable by its owner alone. It is
// written beside itself and renamed, so that there is always one that is whole.
#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.hpp"
#include "session/shared.hpp"
#include "session/warm_list.hpp"

namespace heim::runtime {

class WarmStart {
 public:
  /// Reads the file. `shared` outlives it.
  WarmStart(const config::Cache& settings, session::Shared& shared);
  ~WarmStart() { stop(); }

  void start();
  /// When no worker runs any more.
  void stop();

 private:
  void save();
  std::vector<session::Question> questions() const;
  void note(const std::string& trouble);

  const config::Cache settings_;
  session::Shared& shared_;
  session::WarmList list_;
  std::string last_trouble_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stops_ = false;
  std::thread thread_;
};

}  // namespace heim::runtime
