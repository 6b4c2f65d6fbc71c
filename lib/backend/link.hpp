// The server's end of one connection: a thread that reads the engine's messages and hands them to a
// Connection, and the way back. Used for one connection after another.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "backend/backend.hpp"
#include "io/fd.hpp"
#include "wire/framer.hpp"
#include "wire/startup.hpp"

namespace heim::backend {

class Host;

class Link {
 public:
  Link(Host& host, std::uint32_t pid);

  // ---- the host's, under its lock ----------------------------------------------
  bool is_free() const { return free_; }
  /// Serves the connection whose end `fd` is. Throws std::system_error: there is no thread.
  void start(io::Fd fd);
  /// Waits for the end of the connection. At the end of all: without the lock.
  void join();
  std::uint32_t pid() const { return pid_; }

  // ---- [any thread] ----------------------------------------------------------------
  /// Cancels what runs, if the key is that of the connection there is now.
  void cancel(std::uint32_t key);
  void cancel();
  /// Whose answer that is; null: nobody waits for it any more.
  std::shared_ptr<Connection> find(std::uint64_t number);
  /// Whole messages of the answer of that number, to the engine. Waits while it has enough of
  /// them. False: nobody waits for it any more.
  bool send(std::uint64_t number, Bytes messages);
  /// Ends sleep(), now or the next.
  void ring();
  /// The engine is told why, and that it is over.
  void abort(std::uint64_t number, std::string_view sqlstate, std::string_view message);

  // ---- the connection's thread -----------------------------------------------------
  /// As above, whether an answer is waited for or not.
  bool send(Bytes messages);
  /// An answer that is waited for from now on, in the place of the one before.
  Reply next_reply() { return {this, number_ = ++last_number_}; }
  /// Waits for ring(). False: the engine has gone.
  bool sleep();

 private:
  void run();
  void serve();
  bool read_startup();
  bool log_in(const wire::StartupPacket& packet);
  void greet(const Login& login);
  void read_messages();
  void end();
  bool fill();
  bool send_now(Bytes messages);
  void refuse(const Error& error);

  Host& host_;
  const std::uint32_t pid_;
  bool free_ = true;  // the host's
  std::thread thread_;
  io::Fd event_;
  std::string inbox_;
  std::atomic<std::uint64_t> number_{0};
  std::uint64_t last_number_ = 0;  // of all connections
  std::mutex sending_;             // guards the descriptor against its end, and messages' order
  io::Fd fd_;
  std::mutex finding_;
  std::shared_ptr<Connection> connection_;
  std::mutex canceling_;  // cancel() and close() of a connection
  std::uint32_t key_ = 0;
};

}  // namespace heim::backend
