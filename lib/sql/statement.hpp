// What statements are and do, as far as their text tells. The text is a client's: nothing here
// trusts it, and what is not understood counts as the worst.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.hpp"

namespace heim::sql {

enum class Kind : std::uint8_t {
  unknown,  // not understood: may write to everything and change any session state
  empty,
  read,   // SELECT, VALUES, TABLE that write nothing
  write,  // INSERT, UPDATE, DELETE, MERGE; a SELECT with such a part
  copy_in,
  copy_out,  // COPY to the client; also of a query
  begin,
  commit,
  rollback,  // of the whole transaction
  savepoint,
  release,
  rollback_to,
  two_phase,  // PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED
  set,        // SET and RESET in all forms; see `setting`, Effect::local
  show,
  discard,
  prepare,
  execute,
  deallocate,
  listen,
  unlisten,
  notify,
  declare,
  fetch,  // FETCH, MOVE
  close,
  lock,
  explain,  // without ANALYZE of a write
  call,
  block,  // DO
  load,
  ddl,
  maintenance,  // VACUUM, ANALYZE, REINDEX, CLUSTER, CHECKPOINT and the like
  other,
};

/// What running a statement may do to its session or beyond. A set of bits: a script's are those of
/// all its statements.
using Effects = std::uint32_t;
namespace effect {
inline constexpr Effects
    /// Changes settings that `settings` names, and no others.
    settings = 1u << 0,
    /// RESET ALL, DISCARD ALL, SET without a name that is known.
    all_settings = 1u << 1,
    /// SET ROLE, SET SESSION AUTHORIZATION, RESET of them, DISCARD ALL.
    role = 1u << 2,
    /// May do anything to the session: DO, CALL, a function that is not known, what is not
    /// understood.
    suspicious = 1u << 3,
    /// Makes, or may make, a temporary object (CREATE TEMP, SELECT INTO TEMP, pg_temp named).
    temp = 1u << 4,
    /// DECLARE ... WITH HOLD.
    hold = 1u << 5,
    /// Takes or frees a session-level advisory lock.
    advisory_lock = 1u << 6,
    /// PREPARE; DEALLOCATE of one or all.
    prepares = 1u << 7, deallocates = 1u << 8,
    /// EXECUTE, EXPLAIN EXECUTE, CREATE TABLE AS EXECUTE: names in `executes`. What it does is what
    /// the prepared statement does.
    executes = 1u << 9, listens = 1u << 10, unlistens = 1u << 11,
    /// NOTIFY, pg_notify().
    notifies = 1u << 12,
    /// LOAD: stays with its server process for ever.
    loads = 1u << 13,
    /// nextval(), setval(), or an INSERT or the like, whose defaults may call them.
    advances_sequence = 1u << 14,
    /// currval(), lastval(): what this session's earlier statements did on this very server.
    reads_sequence = 1u << 15,
    /// setseed(); random() after it repeats.
    seeds = 1u << 16,
    /// Changes the catalog.
    changes_catalog = 1u << 17,
    /// Drops or closes something that may have held the session to its server: DROP, CLOSE,
    /// DISCARD TEMP / SEQUENCES / ALL, pg_advisory_unlock*(); also ROLLBACK TO and the like do not
    /// count.
    lets_go = 1u << 18,
    /// Holds for this transaction only: SET LOCAL, set_config(.., true), SET TRANSACTION. Such
    /// settings are not in `settings`.
    local = 1u << 19,
    /// Takes row locks (FOR UPDATE and the like) or a LOCK.
    locks = 1u << 20,
    /// Calls a volatile built-in function other than those named above (random(),
    /// clock_timestamp(), txid_current(), lo_*, ...).
    is_volatile = 1u << 21,
    /// Plans of the session are dropped (DISCARD PLANS, DISCARD ALL).
    discards = 1u << 22,
    /// Begins or ends a transaction block, or a savepoint: any of the kinds begin .. two_phase.
    transaction = 1u << 23,
    /// Calls a stable built-in function or asks for CURRENT_TIMESTAMP, CURRENT_USER and the like:
    /// the answer hangs on the session, its settings, or when and where it is asked.
    is_stable = 1u << 24,
    /// SET LOCAL ROLE and the like: who acts, until the transaction ends. With `local`.
    local_role = 1u << 25,
    /// `functions` of a statement is not empty.
    calls_functions = 1u << 26,
    /// `reads` or `writes` of a statement is not empty.
    uses_relations = 1u << 27,
    /// RESET, SET ... TO DEFAULT, DISCARD ALL: back to what the session began with.
    resets = 1u << 28,
    /// Can tell a server process that others have used from a new one: LOAD, a setting that a
    /// library may have reserved, a search_path that begins with pg_temp,
    /// pg_stat_force_next_flush().
    own_server = 1u << 29,
    /// `attributes` of a statement is not empty.
    names_attributes = 1u << 30,
    /// nextval() or setval() by name: currval() is seldom far. With advances_sequence.
    calls_nextval = 1u << 31;
}  // namespace effect

/// More of a statement, for the route and the cache alone.
using Traits = std::uint8_t;
namespace trait {
inline constexpr Traits
    /// TRUNCATE: other tables may go with it.
    truncates = 1u << 0,
    /// Asks which server this is, or how it fares: pg_is_in_recovery(), pg_backend_pid(), ...
    server = 1u << 1,
    /// Calls a volatile built-in function that may do more than give a value, unlike random().
    changes = 1u << 2,
    /// Uses an operator that tells a distance: of vectors, mostly.
    distance = 1u << 3,
    /// DDL that makes a temporary table and nothing else.
    makes_temp = 1u << 4,
    /// The answer may be another one next time, though no table was changed meanwhile: it hangs on
    /// the clock, on chance, on the server process, on where rows lie.
    fleeting = 1u << 5;
}  // namespace trait

/// A name as the parser has it: folded, unquoted. No schema: as search_path says.
struct Name {
  std::string schema;
  std::string name;
  friend auto operator<=>(const Name&, const Name&) = default;
};

struct Statement {
  Kind kind = Kind::unknown;
  Effects effects = effect::suspicious;
  Traits traits = 0;
  /// prepare, execute, deallocate, listen, unlisten, notify, declare, fetch, close, savepoint and
  /// its like: what is named. Empty for ALL and *. SET LOCAL: the setting.
  std::string name;
  /// With effect::settings: lower case, as PostgreSQL compares them, but for custom ones, which
  /// have a dot: who sets one first decides how SHOW spells it. `time zone`, `names`, `session
  /// characteristics` and the like are the settings they stand for.
  std::vector<std::string> settings;
  /// With effect::executes.
  std::vector<std::string> executes;
  /// Relations by name; CTEs are not among them. `writes` are not repeated in `reads` unless they
  /// are read, too. For DDL: what it makes, changes or drops.
  std::vector<Name> reads;
  std::vector<Name> writes;
  /// Functions called that are not PostgreSQL's own, and those of PostgreSQL's own called with a
  /// schema that is not pg_catalog. With such a name effect::suspicious is not set by itself:
  /// whether it is known harmless, the catalog says (catalog.hpp).
  std::vector<Name> functions;
  /// Columns by a name with a dot before it: t.a, (t).a. If there is no such column, a function
  /// that takes the row is called.
  std::vector<std::string> attributes;
  /// begin: READ ONLY, READ WRITE, SERIALIZABLE, ... were given.
  bool read_only = false, read_write = false, serializable = false, repeatable_read = false;
  bool chain = false;  // commit, rollback: AND CHAIN
};

/// A whole text as one Query or Parse message carries it. Immutable.
struct Script {
  Hash128 fingerprint;                // of the normal form
  std::vector<Statement> statements;  // empty: the empty query
  Effects effects = 0;                // of all of them
  bool understood = true;             // libpg_query accepted it; else `statements` is one `unknown`
  std::size_t bytes = 0;              // of memory, this object and what it owns
};
using ScriptRef = std::shared_ptr<const Script>;

}  // namespace heim::sql
