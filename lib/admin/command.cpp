#include "admin/command.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "admin/select.hpp"
#include "admin/tokens.hpp"

namespace heim::admin {
namespace {

using Words = std::span<const Token>;

constexpr std::string_view commands_hint =
    "Commands: SHOW <what>, PAUSE [db], RESUME [db], RECONNECT [db], KILL [db], KILL_CLIENT id, "
    "WAIT_CLOSE [db], DISABLE db, ENABLE db, DRAIN node, MAINTENANCE node, ENABLE node, "
    "INVALIDATE ALL|[TABLE] table [IN db]|LIKE 'pattern' [IN db]|DATABASE db|QUERY fingerprint, "
    "RELOAD, "
    "SHUTDOWN [WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS]. "
    "SHOW HELP says more.";

Error syntax(std::string message) {
  return {"42601", std::move(message), {}, std::string(commands_hint)};
}

/// What may stand after a command's word.
enum class Takes : std::uint8_t {
  nothing,
  maybe_database,
  database,
  node,
  number,
  manner,
  anything
};

struct Rule {
  std::string_view word;
  Verb verb;
  Takes takes;
  std::string_view tag;
};

constexpr Rule rules[] = {
    {"pause", Verb::pause, Takes::maybe_database, "PAUSE"},
    {"resume", Verb::resume, Takes::maybe_database, "RESUME"},
    {"reconnect", Verb::reconnect, Takes::maybe_database, "RECONNECT"},
    {"kill", Verb::kill, Takes::maybe_database, "KILL"},
    {"wait_close", Verb::wait_close, Takes::maybe_database, "WAIT_CLOSE"},
    {"disable", Verb::disable, Takes::database, "DISABLE"},
    {"enable", Verb::enable, Takes::database, "ENABLE"},
    {"drain", Verb::drain, Takes::node, "DRAIN"},
    {"maintenance", Verb::maintenance, Takes::node, "MAINTENANCE"},
    {"kill_client", Verb::kill_client, Takes::number, "KILL_CLIENT"},
    {"reload", Verb::reload, Takes::nothing, "RELOAD"},
    {"shutdown", Verb::shutdown, Takes::manner, "SHUTDOWN"},
    // What drivers send to every server.
    {"begin", Verb::begin, Takes::anything, "BEGIN"},
    {"start", Verb::begin, Takes::anything, "START TRANSACTION"},
    {"commit", Verb::commit, Takes::anything, "COMMIT"},
    {"end", Verb::commit, Takes::anything, "COMMIT"},
    {"rollback", Verb::rollback, Takes::anything, "ROLLBACK"},
    {"abort", Verb::rollback, Takes::anything, "ROLLBACK"},
    {"savepoint", Verb::accept, Takes::anything, "SAVEPOINT"},
    {"release", Verb::accept, Takes::anything, "RELEASE"},
    {"reset", Verb::accept, Takes::anything, "RESET"},
    {"discard", Verb::accept, Takes::anything, "DISCARD ALL"},
    {"deallocate", Verb::accept, Takes::anything, "DEALLOCATE"},
    {"close", Verb::accept, Takes::anything, "CLOSE CURSOR"},
    {"unlisten", Verb::accept, Takes::anything, "UNLISTEN"},
};

struct ShowRule {
  std::string_view word;
  Show show;
};

constexpr ShowRule shows[] = {
    {"config", Show::config},
    {"databases", Show::databases},
    {"pools", Show::pools},
    {"clients", Show::clients},
    {"servers", Show::servers},
    {"sockets", Show::sockets},
    {"active_sockets", Show::sockets},
    {"stats", Show::stats},
    {"stats_totals", Show::stats_totals},
    {"stats_averages", Show::stats_averages},
    {"totals", Show::totals},
    {"lists", Show::lists},
    {"users", Show::users},
    {"pins", Show::pins},
    {"nodes", Show::nodes},
    {"replication", Show::replication},
    {"routes", Show::routes},
    {"ledger", Show::ledger},
    {"failover", Show::failover},
    {"cache", Show::cache},
    {"cache_queries", Show::cache_queries},
    {"cache_tables", Show::cache_tables},
    {"version", Show::version},
    {"state", Show::state},
    {"mem", Show::mem},
    {"fds", Show::fds},
    {"dns_hosts", Show::dns_hosts},
};

/// Session variables of PostgreSQL that drivers set. Anything else is taken for a setting of ours.
constexpr std::string_view session_variables[] = {
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "names",
    "role",
    "row_security",
    "search_path",
    "session",
    "standard_conforming_strings",
    "statement_timeout",
    "synchronous_commit",
    "time",
    "timezone",
    "transaction",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
};

Result<Command> with_name(Command command, const Token& word) {
  if (!word.is_name() || word.text.empty()) {
    return syntax(command.tag + " takes the name of a " + (command.is_node ? "node" : "database") +
                  ", in double quotes if need be");
  }
  command.name = word.text;
  return command;
}

Result<Command> with_number(Command command, const Token& word) {
  const char* end = word.text.data() + word.text.size();
  const auto [stop, error] = std::from_chars(word.text.data(), end, command.id);
  if (error != std::errc() || stop != end || word.kind != Token::Kind::word) {
    return syntax(command.tag + " takes an id, as SHOW CLIENTS prints it");
  }
  return command;
}

Result<Command> with_manner(Command command, const Token& word) {
  if (word.is("wait_for_servers")) {
    command.shutdown = Shutdown::wait_for_servers;
  } else if (word.is("wait_for_clients")) {
    command.shutdown = Shutdown::wait_for_clients;
  } else {
    return syntax("SHUTDOWN takes WAIT_FOR_SERVERS, WAIT_FOR_CLIENTS or nothing");
  }
  return command;
}

/// DRAIN n and DRAIN NODE n; ENABLE NODE n, as ENABLE n may mean a database.
void take_node(Command& command, const Rule& rule, Words& rest) {
  command.is_node = rule.takes == Takes::node;
  const bool may_be = command.is_node || rule.verb == Verb::enable;
  if (!may_be || rest.size() != 2 || !rest[0].is("node")) return;
  command.is_node = true;
  rest = rest.subspan(1);
}

Result<Command> by_rule(const Rule& rule, Words rest) {
  Command command;
  command.verb = rule.verb;
  command.tag = rule.tag;
  if (rule.takes == Takes::anything) {
    const bool to_savepoint = std::ranges::any_of(rest, [](auto& word) { return word.is("to"); });
    if (rule.verb == Verb::rollback && to_savepoint) command.verb = Verb::accept;
    return command;
  }
  const bool may_be_bare = rule.takes == Takes::nothing || rule.takes == Takes::manner ||
                           rule.takes == Takes::maybe_database;
  if (rest.empty() && may_be_bare) return command;
  take_node(command, rule, rest);
  if (rest.size() != 1 || rule.takes == Takes::nothing) {
    return syntax(command.tag + (rest.empty() ? " takes an argument" : " takes less than that"));
  }
  if (rule.takes == Takes::number) return with_number(std::move(command), rest[0]);
  if (rule.takes == Takes::manner) return with_manner(std::move(command), rest[0]);
  return with_name(std::move(command), rest[0]);
}

/// SHOW of a run-time parameter, as drivers do it.
Result<Command> show_parameter(Words rest, const Identity& identity) {
  std::string name = rest[0].folded;
  if (rest.size() == 3 && name == "transaction" && rest[1].is("isolation")) {
    name = "transaction_isolation";
  } else if (rest.size() == 2 && name == "time" && rest[1].is("zone")) {
    name = "timezone";
  } else if (rest.size() != 1) {
    return syntax("SHOW takes one word");
  }
  Cell value = parameter(name, identity);
  if (!value) return syntax("SHOW knows no \"" + rest[0].text + "\"");
  Command command;
  command.verb = Verb::constant;
  command.tag = "SHOW";
  command.result = {{{name, Type::text}}, {{std::move(value)}}};
  return command;
}

Result<Command> parse_show(Words rest, const Identity& identity) {
  if (rest.empty() || !rest[0].is_name()) return syntax("SHOW what?");
  Command command;
  command.tag = "SHOW";
  if (rest.size() == 1 && rest[0].is("help")) {
    command.verb = Verb::help;
    return command;
  }
  const bool of_cache = rest.size() == 2 && rest[0].is("cache");
  const std::string word = of_cache ? "cache_" + rest[1].folded : rest[0].folded;
  const auto* found = std::ranges::find(shows, word, &ShowRule::word);
  const bool is_more = rest.size() > 1 && !of_cache;
  if (is_more || found == std::end(shows)) return show_parameter(rest, identity);
  command.verb = Verb::show;
  command.show = found->show;
  return command;
}

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// What stands behind the first FOR of its own.
std::string_view behind_for(std::string_view sql) {
  for (std::size_t at = 1; at + 4 < sql.size(); ++at) {
    const bool word = (sql[at] == 'f' || sql[at] == 'F') &&
                      (sql[at + 1] == 'o' || sql[at + 1] == 'O') &&
                      (sql[at + 2] == 'r' || sql[at + 2] == 'R');
    if (word && is_space(sql[at - 1]) && is_space(sql[at + 3])) return sql.substr(at + 4);
  }
  return {};
}

/// SHOW ROUTE [IN database] FOR statement
Result<Command> parse_route(std::string_view sql, Words rest) {
  Command command;
  command.tag = "SHOW";
  command.verb = Verb::show;
  command.show = Show::route;
  if (rest.size() > 2 && rest[1].is("in") && rest[2].is_name()) {
    command.name = rest[2].text;
    sql.remove_prefix(std::min(sql.size(), sql.find(command.name) + command.name.size()));
    rest = rest.subspan(2);
  }
  if (rest.size() < 3 || !rest[1].is("for")) {
    return syntax("SHOW ROUTE takes a statement: SHOW ROUTE [IN database] FOR SELECT ...");
  }
  command.sql = behind_for(sql);
  return command;
}

Error what_to_invalidate() {
  return syntax(
      "INVALIDATE takes ALL, [TABLE] [[database.]schema.]table [IN database], LIKE 'pattern' [IN "
      "database], DATABASE database, or QUERY and a fingerprint or 'statement'");
}

/// IN database, at the end.
Result<Words> take_database(Command& command, Words words) {
  if (words.size() < 3 || !words[words.size() - 2].is("in")) return words;
  if (!words.back().is_name()) return what_to_invalidate();
  command.name = words.back().text;
  return words.first(words.size() - 2);
}

/// 'pattern' [IN database]
Result<Command> invalidate_like(Command command, Words words) {
  const auto rest = take_database(command, words);
  if (!rest) return rest.error();
  if (rest->size() != 1 || rest->front().text.empty()) return what_to_invalidate();
  command.table = rest->front().text;
  command.invalidate = Invalidate::like;
  return command;
}

/// [[database.]schema.]table [IN database]. Unquoted names of tables are as SQL has them; a schema
/// is not looked at, since what is kept is known by the tables' names alone.
Result<Command> invalidate_table(Command command, Words words) {
  const auto name = [](const Token& token) {
    return token.kind == Token::Kind::word ? token.folded : token.text;
  };
  const auto rest = take_database(command, words);
  if (!rest) return rest.error();
  words = *rest;
  const bool parts =
      words.size() == 1 || words.size() == 3 || (words.size() == 5 && command.name.empty());
  if (!parts) return what_to_invalidate();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool right = i % 2 == 0 ? words[i].is_name() && !words[i].text.empty()
                                  : words[i].kind == Token::Kind::symbol && words[i].text == ".";
    if (!right) return what_to_invalidate();
  }
  if (words.size() == 5) command.name = words[0].text;
  command.table = name(words.back());
  command.invalidate = Invalidate::table;
  return command;
}

Command invalidate_query(Command command, const Token& word) {
  command.invalidate = Invalidate::query;
  command.sql = word.kind == Token::Kind::word ? word.folded : word.text;
  return command;
}

Result<Command> parse_invalidate(Words rest) {
  Command command;
  command.verb = Verb::invalidate;
  command.tag = "INVALIDATE";
  if (rest.empty()) return what_to_invalidate();
  if (rest.size() == 1) {
    if (rest[0].is("all")) return command;
    return invalidate_table(std::move(command), rest);
  }
  const Token& next = rest[1];
  if (rest.size() == 2 && rest[0].is("database") && next.is_name()) {
    command.invalidate = Invalidate::database;
    command.name = next.text;
    return command;
  }
  if (rest.size() == 2 && rest[0].is("query") && !next.text.empty()) {
    return invalidate_query(std::move(command), next);
  }
  if (rest[0].is("like") && next.kind == Token::Kind::string) {
    return invalidate_like(std::move(command), rest.subspan(1));
  }
  const bool says_table = rest[0].is("table") && next.is_name();
  return invalidate_table(std::move(command), says_table ? rest.subspan(1) : rest);
}

/// SET SESSION x and SET LOCAL x without that word; SET SESSION CHARACTERISTICS stays as it is.
Words without_scope(Words rest) {
  const bool scoped = rest.size() > 2 && (rest[0].is("session") || rest[0].is("local"));
  if (!scoped || rest[1].is("characteristics") || rest[1].is("authorization")) return rest;
  return rest.subspan(1);
}

bool is_session_variable(std::string_view name) {
  return std::ranges::find(session_variables, name) != std::end(session_variables);
}

Result<Command> parse_set(Words rest) {
  Command command;
  command.tag = "SET";
  rest = without_scope(rest);
  if (rest.size() < 2 || !rest[0].is_name()) return syntax("SET takes a name and a value");
  command.name = rest[0].kind == Token::Kind::word ? rest[0].folded : rest[0].text;
  const bool custom = rest[1].kind == Token::Kind::symbol && rest[1].text == ".";
  command.verb = custom || is_session_variable(command.name) ? Verb::accept : Verb::set;
  const bool assigns = rest[1].text == "=" || rest[1].is("to");
  if (command.verb == Verb::set && (!assigns || rest.size() < 3)) {
    return syntax("SET takes a name and a value: SET name = value");
  }
  return command;
}

Result<Command> parse_select(Words rest, const Identity& identity) {
  Result<Table> table = select_constants(rest, identity);
  if (!table) return table.error();
  Command command;
  command.verb = Verb::constant;
  command.tag = "SELECT 1";
  command.result = *std::move(table);
  return command;
}

}  // namespace

Result<Command> parse_command(std::string_view sql, const Identity& identity) {
  std::vector<Token> words = tokens(sql);
  while (!words.empty() && words.back().kind == Token::Kind::symbol && words.back().text == ";") {
    words.pop_back();
  }
  if (words.empty()) return Command{};
  if (words.back().kind == Token::Kind::invalid) {
    return syntax("a quote or comment has no end: " + words.back().text);
  }
  const Token& first = words.front();
  const Words rest = Words(words).subspan(1);
  if (first.is("show") && !rest.empty() && rest[0].is("route")) return parse_route(sql, rest);
  if (first.is("show")) return parse_show(rest, identity);
  if (first.is("set")) return parse_set(rest);
  if (first.is("invalidate")) return parse_invalidate(rest);
  if (first.is("select")) return parse_select(rest, identity);
  const auto* rule = std::ranges::find_if(rules, [&](auto& row) { return first.is(row.word); });
  if (rule == std::end(rules)) return syntax("the console knows no \"" + first.text + "\"");
  return by_rule(*rule, rest);
}

std::string_view help_text() {
  return "\n\tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION|STATE"
         "\n\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS"
         "\n\tSHOW NODES|REPLICATION|FAILOVER|ROUTES|LEDGER"
         "\n\tSHOW CACHE [QUERIES|TABLES]"
         "\n\tSHOW ROUTE [IN <db>] FOR <statement>"
         "\n\tSHOW PINS|LISTS|MEM|SOCKETS|ACTIVE_SOCKETS|FDS|DNS_HOSTS"
         "\n\tPAUSE [<db>]"
         "\n\tRESUME [<db>]"
         "\n\tDISABLE <db>"
         "\n\tENABLE <db>"
         "\n\tDRAIN [NODE] <node>"
         "\n\tMAINTENANCE [NODE] <node>"
         "\n\tENABLE [NODE] <node>"
         "\n\tRECONNECT [<db>]"
         "\n\tKILL [<db>]"
         "\n\tKILL_CLIENT <id>"
         "\n\tWAIT_CLOSE [<db>]"
         "\n\tINVALIDATE ALL"
         "\n\tINVALIDATE [TABLE] [[<db>.]<schema>.]<table> [IN <db>]"
         "\n\tINVALIDATE LIKE '<pattern>' [IN <db>]"
         "\n\tINVALIDATE DATABASE <db>"
         "\n\tINVALIDATE QUERY <fingerprint>|'<statement>'"
         "\n\tRELOAD"
         "\n\tSHUTDOWN [WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS]";
}

}  // namespace heim::admin
