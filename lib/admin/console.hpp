// The conversation with a client of the virtual databases `heimproxy` and `pgbouncer`, after its
// login: simple and extended protocol in, answers out. Sans-IO, one thread.
//
// What needs the engine is left to the caller: feed() and answer() stop at such a command, and
// pending() says which. The caller gathers a Snapshot or does the deed and calls answer(), which
// goes on with what the client had sent meanwhile.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "admin/command.hpp"
#include "admin/table.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "session/snapshot.hpp"
#include "wire/framer.hpp"

namespace heim::admin {

class Console {
 public:
  /// Longest message taken, and how much may lie unread while a command is pending.
  static constexpr std::size_t max_message = 64 * 1024;
  static constexpr std::size_t max_unread = 1024 * 1024;
  static constexpr std::size_t max_statements = 1000;

  explicit Console(Identity identity) : identity_(std::move(identity)) {}

  /// The ParameterStatus messages that follow AuthenticationOk. BackendKeyData is the caller's, and
  /// so is the first ReadyForQuery.
  void greet();
  /// Takes bytes from the client as they come.
  void feed(Bytes bytes);

  /// The command that waits for answer(). Verb::show wants a snapshot (or an error), everything
  /// else an outcome. Null if none waits.
  const Command* pending() const { return pending_ ? &pending_->command : nullptr; }
  void answer(const session::Snapshot& snapshot);
  void answer(const Result<void>& outcome);

  /// What to send to the client; empties it.
  std::string take_output() { return std::exchange(out_, {}); }
  /// The client said goodbye or broke the protocol: send the output, then close.
  bool ended() const { return ended_; }

 private:
  struct Portal {
    Command command;
    Formats formats;
    std::optional<Table> table;  // once it was executed
    std::size_t sent = 0;
    std::uint32_t max_rows = 0;  // of the Execute that waits; 0: all
    bool done = false;
  };
  struct Pending {
    Command command;
    Portal* portal;  // null in the simple protocol
  };

  void run();
  bool next_message();
  void on_message(std::uint8_t tag, Bytes body);
  void on_query(wire::Fields body);
  void on_parse(wire::Fields body);
  void on_bind(wire::Fields body);
  void on_describe(wire::Fields body);
  void on_execute(wire::Fields body);
  void on_close(wire::Fields body);
  void on_sync();
  void step_query();
  void execute(const Command& command, Portal* portal);
  void control_transaction(const Command& command);
  void complete(const Command& command);
  void deliver(Table table, const Command& command, Portal* portal);
  void send_rows(Portal& portal);
  void describe(const Command& command, const Formats& formats);
  void show_help();
  void error(const Error& error);
  void fatal(std::string_view sqlstate, std::string_view message);
  void ready();

  Identity identity_;
  std::string in_, out_;
  std::deque<std::string> query_;  // statements of a Query that are still to do
  bool in_query_ = false;
  bool skip_to_sync_ = false;
  bool ended_ = false;
  char status_ = 'I';
  std::optional<Pending> pending_;
  std::map<std::string, Command, std::less<>> statements_;
  std::map<std::string, Portal, std::less<>> portals_;
};

}  // namespace heim::admin
