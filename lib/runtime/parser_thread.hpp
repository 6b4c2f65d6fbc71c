// The thread that parses for seats: callers' threads may be many, come and go, or have small
// stacks.
#pragma once
#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "sql/analysis.hpp"

namespace heim::runtime {

class ParserThread final : public sql::ParserHost {
 public:
  /// Throws std::system_error where there is no thread to be had.
  ParserThread();
  /// Nobody may be in run() any more.
  ~ParserThread() override;
  ParserThread(const ParserThread&) = delete;
  ParserThread& operator=(const ParserThread&) = delete;

  void run(void (*work)(void*), void* argument) override;

 private:
  struct Call {
    void (*work)(void*);
    void* argument;
    bool done = false;
  };
  void serve();

  std::mutex mutex_;
  std::condition_variable asked_, answered_;
  std::deque<Call*> calls_;
  bool ended_ = false;
  pthread_t thread_{};
};

}  // namespace heim::runtime
