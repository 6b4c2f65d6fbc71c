// What a server says about its session: the question, and how its answer reads.
//
// The server is the only one who knows what statements did to a session: functions may have set
// anything, savepoints may have taken it back, and a value may read otherwise than it was written.
// So it is asked, when something may have changed and the transaction is over.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "sql/statement.hpp"

namespace heim::session {

/// What is asked for.
struct StateQuestion {
  bool settings = false;           // all that SET, RESET and set_config() can have changed
  std::vector<std::string> names;  // with `settings`: also these, which no view lists. Else: these
                                   // alone
  bool statements = false;         // of SQL's PREPARE
  bool holds = false;              // what keeps a session on its server
  bool channels = false;           // of LISTEN

  /// What follows from statements with these effects. `plain`: they ran outside of transaction
  /// blocks and without an error.
  static StateQuestion about(sql::Effects effects, bool plain);
  /// One query; every name in it is qualified.
  std::string sql() const;
};

/// The answer, row by row.
struct StateAnswer {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  Pairs settings;    // of the views: those the session has set; and the role, if there is one
  Pairs values;      // of StateQuestion::names, those that exist
  Pairs statements;  // name, the text that made it
  std::vector<std::string> channels;
  std::string session_user;
  bool superuser_setting = false;  // one of `settings` takes a superuser to set
  bool cursor = false;             // WITH HOLD
  bool lock = false;               // an advisory lock of the session
  bool temp = false;               // temporary objects
  bool temp_schema = false;        // once there were some
  bool malformed = false;

  /// `body`: of a DataRow.
  void add(Bytes body);

 private:
  using Row = std::array<std::optional<std::string>, 4>;
  void take(const Row& row);
};

}  // namespace heim::session
