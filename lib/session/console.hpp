// The admin console as a session sees it: text in, a result out, maybe later.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace heim::session {

class Hub;

/// One statement's result.
struct ConsoleResult {
  std::vector<std::string> columns;            // empty: no rows, only the tag
  std::vector<std::vector<std::string>> rows;
  std::string tag;                             // "SHOW", "PAUSE" ...
  std::string sqlstate;                        // set: it failed
  std::string message;
  std::string hint;
};

class Console {
 public:
  using Done = std::function<void(ConsoleResult)>;
  virtual ~Console() = default;
  /// Runs one statement. `done` is called once, on this worker, now or later. `admin` false: SHOW only.
  virtual void execute(Hub& hub, std::string_view sql, bool admin, Done done) = 0;
  /// The columns a statement will return, for Describe; empty if it returns none or is wrong.
  virtual std::vector<std::string> columns(std::string_view sql) = 0;
  /// Splits a simple query string into statements.
  virtual std::vector<std::string> split(std::string_view sql) = 0;
};

}  // namespace heim::session
