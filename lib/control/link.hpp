// One connection to one server through libpq, never blocking: connects, asks one question at a
// time, and notices its end also while nothing is asked.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "cluster/probe.hpp"
#include "io/loop.hpp"
#include "io/poller.hpp"

struct pg_conn;
struct pg_result;

namespace heim::control {

/// What a connection is made with: libpq's keywords and values. `hostaddr` must be numeric: a name
/// would block.
using Conninfo = std::vector<std::pair<std::string, std::string>>;

/// An answer of one or more rows. Valid within the call that brings it.
class Rows {
 public:
  explicit Rows(const pg_result* result) : result_(result) {}
  int count() const;
  int columns() const;
  /// Empty for NULL.
  std::string_view text(int row, int column) const;
  bool is_null(int row, int column) const;

 private:
  const pg_result* result_;
};

/// A question that is asked again and again: prepared at its first use on a connection. Lives
/// longer than the links it is asked through.
struct Question {
  std::string name;  // empty: not prepared, but asked as it is
  std::string sql;
};

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  // One of these follows connect() and each ask(), at the latest when give_up() is called. In the
  // last one the link is over; the owner may destroy it in all of them.
  virtual void on_link_ready() = 0;
  virtual void on_link_rows(const Rows& rows) = 0;
  virtual void on_link_lost(const cluster::Trouble& why) = 0;
  // What was asked began a stream in both directions, and what comes from it. It ends as lost. The
  // link is not destroyed in these.
  virtual void on_link_streams() {}
  virtual void on_link_data(Bytes) {}
};

/// Lives on the loop's thread.
class Link final : io::PollTarget {
 public:
  Link(io::Loop& loop, LinkOwner& owner) : loop_(loop), owner_(owner) {}
  ~Link() override;

  void connect(const Conninfo& info);
  /// Only when ready() and not busy().
  void ask(const Question& question);
  /// Into a stream.
  void send_data(Bytes data);
  int server_version() const;  // such as 150004, once ready()
  bool ready() const { return state_ == State::ready; }
  bool busy() const { return asked_ != nullptr; }

 private:
  enum class State : std::uint8_t { none, connecting, ready, streaming };
  void on_poll(unsigned events) override;
  void go_on_connecting();
  void connected();
  void flush();
  void read();
  void read_stream();
  void on_end_of_results();
  void lose(cluster::Failure kind, std::string text);
  void lose_by_server();
  bool send();
  bool knows(const Question& question) const;

  io::Loop& loop_;
  LinkOwner& owner_;
  State state_ = State::none;
  pg_conn* conn_ = nullptr;
  io::Poller poller_;
  const Question* asked_ = nullptr;
  bool preparing_ = false;
  std::vector<const Question*> prepared_;
  pg_result* last_ = nullptr;
};

/// What an SQLSTATE says of the server; `text` is libpq's message, made one line.
cluster::Trouble trouble(std::string_view sqlstate, std::string_view text,
                         cluster::Failure otherwise);

}  // namespace heim::control
