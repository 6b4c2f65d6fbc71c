// The SQL that simulated servers understand. It is real SQL, so that whoever stands in between
// analyses it as it would in life; but only these shapes of it have a meaning here:
//
//   BEGIN, START TRANSACTION, COMMIT, END, ROLLBACK, ABORT; DISCARD ALL, DEALLOCATE [ALL | name]
//   SET [LOCAL] name TO value, SHOW name, RESET name | ALL; LISTEN, UNLISTEN *, NOTIFY channel,
//   'text' SELECT f(arguments)[, f(arguments) ...]   with the functions of session_run.cpp, or
//   SELECT 1 INSERT INTO t VALUES (tag, key, value); COPY t FROM STDIN; COPY (SELECT ...) TO STDOUT
//   ALTER TABLE ...; CREATE TEMP TABLE ...; PREPARE name AS statement; EXECUTE name(arguments)
//
//   BEGIN with READ ONLY and ISOLATION LEVEL; SAVEPOINT, RELEASE, ROLLBACK TO name
//   SELECT tag, max(t.version)[, max(u.version)] FROM t[, u], or
//   SELECT tag, version FROM t ORDER BY version DESC LIMIT 1 [FOR UPDATE | FOR SHARE]: the newest
//   write of each table; INSERT, UPDATE t SET note = tag ..., DELETE FROM t WHERE note = tag,
//   WITH written AS (INSERT ... RETURNING note) SELECT note FROM written: a write of that table
//
// A tag (see tag.hpp) is the first argument, or a comment for statements that have none.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace heim::sim {

enum class Verb {
  begin,
  commit,
  rollback,
  set,
  show,
  reset,
  select,
  insert,
  copy_in,
  copy_out,
  alter,
  create_temp,
  discard_all,
  deallocate,
  prepare,
  execute,
  listen,
  unlisten,
  notify,
  state,          // the proxy's questions about the session, SELECT 'x', ... UNION ALL ..., and the
                  // catalog, WITH ...
  function_call,  // not SQL: the FunctionCall message
  read_tables,
  update,
  remove,
  insert_returning,
  savepoint,
  release,
  rollback_to,
};

struct Value {
  std::string text;
  std::uint32_t parameter = 0;  // n of $n; 0: `text` counts
  bool setting = false;         // current_setting(): `text` is its name
  bool null = false;
};

struct Call {
  std::string function;
  std::vector<Value> arguments;
};

struct Statement {
  Verb verb = Verb::select;
  // Of a setting, prepared statement, channel or written table; "all" in lower case.
  std::string name;
  std::vector<Value> values;        // of INSERT, SET, NOTIFY, EXECUTE; a tag
  std::vector<std::string> tables;  // that are read
  std::vector<Call> calls;          // of SELECT and COPY ... TO
  bool local = false;               // SET LOCAL
  bool locks = false;               // FOR UPDATE, FOR SHARE
  bool read_only = false;           // BEGIN READ ONLY
  bool loose = false;               // by its hint: whatever was right once will do
  bool one_snapshot = false;        // BEGIN ISOLATION LEVEL REPEATABLE READ and above
  std::string inner;                // of PREPARE
  std::string comment;
  std::string text;

  std::uint32_t parameters() const;
  bool returns_rows() const {
    return verb == Verb::select || verb == Verb::show || verb == Verb::execute ||
           verb == Verb::state || verb == Verb::read_tables || verb == Verb::insert_returning;
  }
  /// Allowed in a failed transaction.
  bool ends_transaction() const {
    return verb == Verb::commit || verb == Verb::rollback || verb == Verb::rollback_to;
  }
  /// What a transaction that may only read refuses.
  bool writes() const;
  /// Whether it may run on two servers, if the first was lost: it changes nothing.
  bool repeatable() const;
};

/// All statements of a text, or a syntax error. Empty if there is none.
Result<std::vector<Statement>> parse(std::string_view text);

}  // namespace heim::sim
