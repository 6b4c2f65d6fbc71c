// What the text of a statement allows: which kind of node may run it, what it reads and what it
// may change. Nothing here knows the state of the cluster or of a session.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sql/catalog.hpp"
#include "sql/statement.hpp"

namespace heim::route {

enum class Place : std::uint8_t {
  primary,  // nowhere else
  standby,  // a standby will do, if it is fresh enough
  any,      // wherever the session is: SET, DEALLOCATE, an empty query
  control,  // BEGIN, COMMIT and the like alone: the transaction's node, if there is one
};

/// A plain value. Names are those of the ledger's tables, without a schema.
struct Needs {
  Place place = Place::primary;
  std::string_view reason = "not understood";  // static text; never empty
  std::vector<std::string> reads, writes;      // closed over views, triggers, ...; sorted
  bool reads_everything = false;               // beyond `reads`, nobody knows what
  bool writes_everything = false;
  bool server_wide = false;  // reads what concerns the whole server: roles, databases
  bool writes_server_wide = false;
  /// May commit inside itself, so that a write is visible before it ends: CALL, DO, and whatever
  /// is not understood.
  bool commits_itself = false;
  /// Begins a transaction block, like this.
  bool begins = false;
  bool read_only = false, read_write = false, serializable = false, repeatable_read = false;
  /// Kept from standbys only because what it calls is volatile or asks about the server: in a
  /// transaction that may write nothing and is on a standby already, it may run there.
  bool soft = false;
  /// EXECUTE and the like: the needs of what is prepared count, too (session: merge()).
  bool executes = false;
  /// Only kept on the primary because it asks about the server: who asks for a standby by name gets
  /// one.
  bool if_asked = false;
  bool row_security = false;  // the answer hangs on who asks
  bool fleeting = false;      // see sql::trait::fleeting
  bool distance = false;      // orders by a distance, of vectors mostly

  bool writes_anything() const { return writes_everything || !writes.empty(); }
};

/// Null: the catalog is not known, so every table may be a view with triggers.
Needs classify(const sql::Script& script, const sql::Catalog* catalog);

/// Both, as of a batch of the extended protocol or EXECUTE and what it names.
Needs merge(Needs a, const Needs& b);

}  // namespace heim::route
