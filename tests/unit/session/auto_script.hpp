// Scripts of mode `auto`: what the server is asked about its session, and what it answers.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "session/absent.hpp"
#include "session/state_probe.hpp"

namespace heim::session::test {

// The server's word about its session: rows of four columns.
using StateRow = std::vector<std::string_view>;
inline std::string state(std::initializer_list<StateRow> rows) {
  std::string out = row_description();
  for (const StateRow& each : rows) wire::data_row(out, each);
  return out + done("SELECT " + std::to_string(rows.size()));
}

inline std::string ask_settings() {
  StateQuestion question;
  question.settings = true;
  return query(question.sql());
}

inline std::string ask_names(std::vector<std::string> names) {
  StateQuestion question;
  question.names = std::move(names);
  return query(question.sql());
}

inline std::string ask_statements() {
  StateQuestion question;
  question.statements = true;
  return query(question.sql());
}

inline std::string ask_holds() {
  StateQuestion question;
  question.holds = true;
  return query(question.sql());
}

// Of a session that keeps its server.
inline std::string ask_held() {
  StateQuestion question;
  question.holds = question.settings = question.statements = question.channels = true;
  return query(question.sql());
}

inline std::string ask_all() { return query(StateQuestion::about(~sql::Effects{0}, false).sql()); }

inline std::string set_config(std::string_view name, std::string_view value) {
  return "SELECT pg_catalog.set_config(E'" + std::string(name) + "',E'" + std::string(value) +
         "',false)";
}

// Keeps a name that a statement could not be given, and cannot be read anew.
inline std::string stand_in(std::string_view name, std::string_view content = {}) {
  std::string out;
  wire::Writer(out, 'P').string(name).bytes(Absent::stand_in(1, content));
  return out + end_batch();
}
inline std::string elsewhere() { return query("BEGIN;" + std::string(Absent::settings)); }

// A statement gets the client's own name, and its server says that it is there.
inline std::string own_name(std::string_view name, std::string_view text) {
  return parse(name, text) + end_batch() + elsewhere() + stand_in(name) + query("ROLLBACK");
}

// What comes of the stand-in, outside a transaction.
inline std::string stood_in(const std::string& answered) {
  return complete("BEGIN") + done("SET", 'T') + answered + done("ROLLBACK");
}
inline std::string named() {
  return parsed() + ready() + stood_in(error("42P05", "it is there") + ready('E'));
}

inline void automatic(Bench& bench, std::uint32_t pool_size = 2) {
  bench.settings.proxy.pool_mode = config::PoolMode::automatic;
  bench.settings.proxy.pool_size = pool_size;
  bench.knows_catalog({});
}

// A query that this server is given, and answers.
inline void asks(Client& client, Server& server, std::string_view sql, const std::string& reply) {
  client.sends(query(sql));
  server.receives_all(query(sql));
  server.sends(reply);
  client.receives_all(reply);
}

inline void begin(Client& client, Server& server) {
  asks(client, server, "begin", done("BEGIN", 'T'));
}

inline void commit(Client& client, Server& server) {
  asks(client, server, "commit", done("COMMIT"));
}

// A statement that is answered, and after which the server is asked about its session.
inline void runs(Client& client, Server& server, std::string_view sql, std::string_view tag) {
  client.sends(query(sql));
  server.receives(query(sql));
  server.sends(done(tag));
  client.receives_all(done(tag));
}

}  // namespace heim::session::test
