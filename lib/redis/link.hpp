// A connection to a Redis server that comes back when it is lost. Commands are pipelined; what the
// server says of its own accord (RESP3's pushes) comes in order with their answers.
//
// Where Sentinels look after the server, each attempt asks one of them where it is now. Who is
// demoted drops its connections, so it is asked then. In a cluster all keys that are asked for have
// to be of one slot: whoever does not have it names the node that does, and the link goes there.
//
// No clock and no loop of its own: step() is told the time and says when it wants to be called
// again.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "base/stream.hpp"
#include "redis/parser.hpp"
#include "redis/value.hpp"

namespace heim::redis {

/// Where a server is, and as whom it is spoken to.
struct Access {
  std::vector<Target> servers;  // tried in turn; with `master`, Sentinels
  std::string master;           // what Sentinels call the server; empty: there are none
  std::string sentinel_user;
  Secret sentinel_password;
  std::string user;  // empty: the server's default user
  Secret password;   // empty: none
  std::uint32_t database = 0;
  SslMode tls = SslMode::disable;
  std::string name;                                      // what CLIENT LIST calls it
  Duration patience = std::chrono::seconds(1);           // for an answer; connecting included
  Duration first_pause = std::chrono::milliseconds(20);  // before the next attempt; doubled
  Duration longest_pause = std::chrono::seconds(1);
};

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  /// It is logged in: what is sent now comes first.
  virtual void on_up() = 0;
  virtual void on_push(Value&& push) = 0;
  /// It is not up any more, or an attempt has failed. Answers that were owed have been told so
  /// before.
  virtual void on_down(const std::string& why) = 0;
};

/// Lives on its transport's thread.
class Link final : StreamHandler {
 public:
  /// Called once for each command: with its answer, or with an error that begins with LOST.
  using Answer = std::function<void(Value&&)>;

  /// Both outlive it. Nothing happens before the first step().
  Link(Transport& transport, const Access& access, LinkOwner& owner);
  ~Link() override;

  /// Connects, gives up what takes too long. Returns when it wants to be called again at the
  /// latest, or `never`.
  Instant step(Instant now);

  bool is_up() const { return state_ == State::up; }
  /// Is kept until flush(). While it is not up: lost at once.
  void send(std::initializer_list<std::string_view> words, Answer answer = {});
  /// Its answers come as pushes; an error, as what answers the next command.
  void subscribe(std::string_view channel);
  void subscribe_pattern(std::string_view pattern);
  void flush();
  /// Gives the connection up, as if it had been lost.
  void drop(const std::string& why);

  /// Where it is connected to, or tries to be: "127.0.0.1:6379".
  const std::string& place() const { return place_; }
  /// Why it was lost last, or could not be made; empty: never.
  const std::string& trouble() const { return trouble_; }
  std::uint64_t times_lost() const { return times_lost_; }

 private:
  enum class State : std::uint8_t { down, connecting, greeting, up };
  struct Owed {
    Answer answer;
    Instant since;
  };

  void connect();
  void greet();
  void greet_sentinel();
  void on_master(const Value& answer);
  void move(std::string_view place);
  template <class Ask>
  void say(const Ask& ask);
  void on_greeting(const Value& answer);
  void lose(std::string why);
  void take(Value&& value);

  // StreamHandler
  void on_connected(Stream& stream) override;
  void on_tls(Stream& stream, const TlsInfo& info) override;
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_end(Stream& stream, const StreamEnd& end) override;

  Transport& transport_;
  const Access access_;
  LinkOwner& owner_;
  Stream* stream_ = nullptr;
  State state_ = State::down;
  Parser parser_;
  std::string out_;  // not written yet
  std::deque<Owed> owed_;
  std::vector<Value> values_;
  Instant now_{};           // of the last step()
  Instant since_{};         // of the attempt
  Instant next_attempt_{};  // while it is down
  Duration pause_{0};
  std::size_t turn_ = 0;    // of the servers
  Target target_;           // of the attempt
  Target found_;            // what was said of the next attempt; no host: nothing
  bool asks_ = false;       // a Sentinel, on this connection
  std::uint64_t life_ = 0;  // of the connection: counts each that was lost
  std::string place_, trouble_;
  std::uint64_t times_lost_ = 0;
};

}  // namespace heim::redis
