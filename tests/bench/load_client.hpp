// One connection of the load generator: it sends what the script says and checks every message that
// comes back.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "script.hpp"

namespace heim::bench {

/// The run is worthless: an answer was wrong, an error, or another query's. The text says which.
struct WrongAnswer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class LoadClient {
 public:
  enum class State : unsigned char { closed, connecting, login, preparing, idle, busy };

  LoadClient(const Options& options, const Script& script) : options_(options), script_(script) {}
  ~LoadClient() { close(false); }
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  /// Starts to connect; goes on to `idle` by itself.
  void open(int epoll, unsigned spread, std::uint64_t now_ns);
  /// With `politely`, says Terminate first.
  void close(bool politely);

  /// Sends the next queries. Only while idle. `due_ns` is when they should have been sent.
  void start(Tags& tags, std::uint64_t due_ns);

  /// Takes an epoll event. Afterwards state() may have changed to idle: an answer is complete.
  /// Throws WrongAnswer.
  void on_event(std::uint32_t events);

  State state() const { return state_; }
  /// When the queries under way should have been sent; before the first, when it began to connect.
  std::uint64_t due_ns() const { return due_ns_; }
  /// Bytes received since the last call.
  std::uint64_t take_received();

 private:
  void on_connected();
  void receive();
  void consume(std::string_view bytes);
  void on_message(char type, std::string_view body);
  void on_login_message(char type, std::string_view body);
  void expect(std::string_view pattern);
  void advance(char type, std::string_view body);
  void check_row(std::string_view body);
  void check_end(std::string_view body);
  void answered();
  void send();
  void set_interest(std::uint32_t interest);
  [[noreturn]] void wrong(std::string_view what) const;

  const Options& options_;
  const Script& script_;
  int fd_ = -1, epoll_ = -1;
  State state_ = State::closed;
  std::uint32_t interest_ = 0;
  std::string output_, partial_;
  std::string_view expected_;        // types still to come
  std::vector<std::uint32_t> tags_;  // of the queries under way
  std::size_t answered_ = 0;         // how many of them have their row
  std::size_t step_ = 0;
  std::uint32_t rows_ = 0;  // of a large result
  std::uint64_t due_ns_ = 0, received_ = 0;
};

}  // namespace heim::bench
