// Looks after the seats while nobody sits there who would: one thread for all of them.
#pragma once
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "io/fd.hpp"
#include "runtime/seat.hpp"

namespace heim::runtime {

class Steward {
 public:
  /// Throws std::system_error where there is no descriptor to be had.
  Steward();
  ~Steward();
  Steward(const Steward&) = delete;
  Steward& operator=(const Steward&) = delete;

  /// Before start(). The seats outlive stop().
  void add(std::shared_ptr<Seat> seat) { seats_.push_back(std::move(seat)); }
  void start();
  void stop();
  /// [any thread] Somebody left work at a seat.
  void wake();

 private:
  void run();

  io::Fd event_;
  std::vector<std::shared_ptr<Seat>> seats_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace heim::runtime
