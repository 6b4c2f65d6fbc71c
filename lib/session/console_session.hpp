// A client that talks to the admin console: simple and extended protocol over Console.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "session/console.hpp"
#include "wire/framer.hpp"

namespace heim::session {

class Client;

class ConsoleSession {
 public:
  /// Both outlive it; `client` owns it.
  ConsoleSession(Client& client, Console& console);

  /// The databases that are consoles.
  static bool is_console(std::string_view database);
  /// What the console reports at login.
  static std::vector<std::pair<std::string, std::string>> parameters();

  void receive(Bytes bytes);
  /// A statement's result.
  void finish(const ConsoleResult& result, bool extended);

 private:
  void process();
  void message(const wire::Header& header, Bytes body);
  void query(Bytes body);
  void next_statement();
  void parse(Bytes body);
  void bind(Bytes body);
  void describe(Bytes body);
  void execute(Bytes body);
  void close(Bytes body);
  void run(const std::string& sql, bool extended);
  void fail(std::string_view sqlstate, std::string_view text, std::string_view hint = {});
  void send(const std::string& bytes);
  void ready();

  Client& client_;
  Console& console_;
  std::string inbox_;
  std::vector<std::string> statements_;            // of a simple query, the next one last
  std::map<std::string, std::string> prepared_;
  std::map<std::string, std::string> portals_;
  bool busy_ = false;        // a statement runs
  bool processing_ = false;  // process() is on the stack
  bool skipping_ = false;  // after an error, up to Sync
};

}  // namespace heim::session
