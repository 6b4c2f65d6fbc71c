// What somebody else has written is told here: by INVALIDATE on the console, and by its calls.
#pragma once
#include <string>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "freshness/ledger.hpp"

namespace heim::session {

class Hub;

/// Each is as if a commit of this proxy's own had just ended: what was answered before it is not
/// given any more, what is under way is not kept, and a standby has to have replayed all that is
/// committed by now. [the hub's thread]
class Invalidation {
 public:
  explicit Invalidation(Hub& hub) : hub_(hub) {}

  void everything();
  /// By the name that clients use, as in the next.
  void database(const std::string& name);
  /// And what writing it brings along. Of its name in any schema. `database` empty: in each that
  /// has one. 42P01: nobody knows it, so that nothing is kept of it either.
  Result<void> table(const std::string& database, const std::string& name);
  /// All tables with such names (see like.hpp), otherwise as table().
  Result<void> tables_like(const std::string& database, const std::string& pattern);
  /// Answers to a statement, whatever its values: by its text, or by its fingerprint as SHOW CACHE
  /// QUERIES has it. Nothing is said of tables. Other proxies of a fleet are told. 42601: the text
  /// is none.
  Result<void> query(const std::string& text);

 private:
  void touch_all(const std::string& dbname);
  bool touch(const std::string& dbname, const std::string& table);
  bool touch_like(const std::string& dbname, const std::string& pattern);
  freshness::WriteSet written(const std::string& dbname, const std::string& table) const;
  void commit(freshness::DatabaseId database, const freshness::WriteSet& tables);
  std::vector<std::string> databases() const;
  std::vector<std::string> databases(const std::string& only) const;

  Hub& hub_;
};

}  // namespace heim::session
