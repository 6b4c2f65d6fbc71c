// One worker: a loop, its sockets, its hub, and a thread that runs them (or a Seat, in its place).
#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "io/listener.hpp"
#include "io/loop.hpp"
#include "io/mailbox.hpp"
#include "io/socket_transport.hpp"
#include "io/timer.hpp"
#include "runtime/rules.hpp"
#include "session/hub.hpp"

namespace heim::runtime {

class Worker {
 public:
  using Work = std::function<void(session::Hub&)>;
  /// `on_end` runs on the worker's thread when its part of a shutdown is complete.
  Worker(pool::WorkerId id, session::Shared& shared, const Rules& rules, session::ConsoleDesk* desk,
         std::function<void()> on_end);
  ~Worker();

  /// Takes connections from `socket` on this worker's loop; `take` gets them. Before start() only.
  void listen(io::ListenSocket socket, std::function<void(int fd)> take);
  /// How backends of this process are reached. Before start() only.
  void set_dial(io::Dial dial) { transport_.set_dial(std::move(dial)); }
  void start();
  /// In place of start(): the thread that turns the loop is any that holds the seat's lock.
  void start_seated(sql::ParserHost& parser);
  void join();
  /// [any thread]
  void post(Work work) {
    mail_.push(std::move(work));
    if (on_mail_) on_mail_();
  }
  /// Called on the thread that posts. Before start() only.
  void set_on_mail(std::function<void()> on_mail) { on_mail_ = std::move(on_mail); }
  io::Loop& loop() { return loop_; }
  session::Hub& hub() { return hub_; }
  /// On this worker's thread.
  void accept(int fd);
  void set_rules(const Rules& rules);
  void shutdown(session::Operator::Shutdown how);

 private:
  class LoopClock final : public Clock {
   public:
    explicit LoopClock(io::Loop& loop) : loop_(loop) {}
    Instant now() override { return loop_.now(); }

   private:
    io::Loop& loop_;
  };
  void tick();
  void check_end();

  io::Loop loop_;
  LoopClock clock_;
  io::SocketTransport transport_;
  session::Hub hub_;
  io::Mailbox<Work> mail_;
  io::Timer timer_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::function<void()> on_end_;
  std::function<void()> on_mail_;
  Instant linger_until_ = never;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace heim::runtime
