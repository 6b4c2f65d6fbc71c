// What clients say of the tables that all of them share.
#include "script.hpp"

namespace heim::sim {
namespace {
constexpr const char* tables[] = {"orders", "lines", "items", "audit"};
}

std::string Script::begin_options() {
  if (habits_.tables == 0) return {};
  read_only_ = random_.chance(40);
  const std::string mode = read_only_ ? "READ ONLY" : random_.chance(10) ? "READ WRITE" : "";
  if (random_.chance(70)) return mode.empty() ? "" : " " + mode;
  static constexpr const char* levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
  const std::string level = std::string(" ISOLATION LEVEL ") + levels[random_.below(3)];
  return mode.empty() ? level : level + (random_.chance(50) ? ", " : " ") + mode;
}

Script::Text Script::table_statement(bool extended) {
  if (transaction_ != 0 && random_.chance(habits_.savepoints)) return savepoint();
  std::uint32_t reads = habits_.table_reads;
  if (read_only_) reads = 97;
  return random_.chance(reads) ? table_read(extended) : table_write(extended);
}

std::string Script::hint(bool same) {
  if (random_.chance(habits_.hints)) {
    static constexpr const char* hints[] = {"standby", "primary", "nearest"};
    return std::string("/*+ route=") + hints[random_.below(3)] + " */ ";
  }
  if (!same || !random_.chance(habits_.loose_reads)) return {};
  return random_.chance(70) ? "/*+ freshness=any */ " : "/*+ cache=off */ ";
}

Script::Text Script::table_read(bool extended) {
  Text text;
  // Who asks the same as others may have their answer.
  const bool same = habits_.same_reads > 0 && random_.chance(habits_.same_reads);
  text.sql = hint(same);
  text.sql += "SELECT " + value(text, same ? "same" : new_tag(), extended) + ", ";
  const std::string table = tables[random_.below(same ? 2 : 4)];
  if (!same && random_.chance(20)) {
    text.sql += "version FROM " + table + " ORDER BY version DESC LIMIT 1";
    if (random_.chance(30)) text.sql += random_.chance(50) ? " FOR UPDATE" : " FOR SHARE";
    return text;
  }
  const std::string other = tables[random_.below(4)];
  const bool two = other != table && random_.chance(same ? 5 : 30);
  text.sql += "max(" + table + ".version)";
  if (two) text.sql += ", max(" + other + ".version)";
  text.sql += " FROM " + table;
  if (two) text.sql += ", " + other;
  return text;
}

Script::Text Script::table_write(bool extended) {
  const std::string key = own_key() + std::to_string(random_.below(3));
  const std::string table = tables[random_.chance(habits_.hot_table) ? 0 : random_.below(4)];
  Text text;
  const std::string tag = new_tag();
  const auto row = [&] {
    std::string list = "(" + value(text, tag, extended);
    list += ", " + value(text, key, extended);
    return list + ", " + value(text, "of " + tag, extended) + ")";
  };
  switch (random_.below(6)) {
    case 0:
      text.sql =
          "UPDATE " + table + " SET note = " + value(text, tag, extended) + " WHERE version = 1";
      break;
    case 1:
      text.sql = "DELETE FROM " + table + " WHERE note = " + value(text, tag, extended);
      break;
    case 2:
      text.sql = "WITH written AS (INSERT INTO " + table + " VALUES " + row() +
                 " RETURNING note) SELECT note FROM written";
      break;
    case 3:
      text.sql = "SELECT put_row" + row();
      break;
    default:
      text.sql = "INSERT INTO " + table + " VALUES " + row();
  }
  return text;
}

Script::Text Script::savepoint() {
  const std::string name = "sp" + std::to_string(random_.below(2));
  Text text;
  switch (random_.below(failed_ ? 2 : 5)) {
    case 0:
    case 1:
      text.sql = tagged("ROLLBACK TO " + name);
      failed_ = false;
      break;
    case 2:
      text.sql = tagged("RELEASE " + name);
      break;
    default:
      text.sql = tagged("SAVEPOINT " + name);
  }
  return text;
}

}  // namespace heim::sim
