// A session's run-time parameters on the server, with the rules of transactions for them.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace heim::sim {

/// One parameter the model knows. Names with a dot are free for all to make, as on a real server.
struct KnownGuc {
  std::string_view name;  // as reported
  std::string_view value;
  bool reported = false;
  bool settable = true;
};

/// Null if a server would not recognise the name. Case does not matter.
const KnownGuc* find_guc(std::string_view name);

/// The spelling a server reports ("timezone" is "TimeZone"); lower case for names it does not know.
std::string canonical_guc(std::string_view name);

class Gucs {
 public:
  /// What a startup packet gave: the value that RESET goes back to.
  bool set_default(std::string_view name, std::string_view value);

  /// What only the server itself changes.
  void set_fixed(std::string_view name, const std::string& value) {
    defaults_[canonical_guc(name)] = value;
  }

  bool known(std::string_view name) const;
  std::string show(std::string_view name) const;
  void set(std::string_view name, const std::string& value, bool local);
  /// set_config() with NULL.
  void set_default_now(std::string_view name, bool local);
  void reset(std::string_view name);
  void reset_all();

  // A transaction, explicit or not, surrounds every change.
  void begin() { before_ = session_; }
  void commit() { current_ = session_; }
  void roll_back() { current_ = session_ = before_; }
  // A savepoint within it.
  struct State {
    std::map<std::string, std::string> session, current;
  };
  State state() const { return {session_, current_}; }
  void restore(const State& to) { session_ = to.session, current_ = to.current; }

  /// What SET has given the session, by the names that pg_settings lists; custom ones are not
  /// listed.
  std::map<std::string, std::string> of_session() const;

  /// What ParameterStatus tells: all reported parameters with their values now.
  std::map<std::string, std::string> reported() const;

 private:
  using Values = std::map<std::string, std::string>;  // by canonical name
  std::string default_of(const std::string& canonical) const;
  Values defaults_, session_, current_, before_;
};

}  // namespace heim::sim
