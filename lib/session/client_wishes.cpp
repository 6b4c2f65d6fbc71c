// What a session asked for in its settings, and what a statement asks for in a hint:
// heimproxy.route, heimproxy.freshness, heimproxy.group, heimproxy.min_lsn, heimproxy.lsn,
// heimproxy.cache.
#include <algorithm>

#include "route/explain.hpp"
#include "session/client_cache.hpp"
#include "session/client_survey.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr std::string_view prefix = "heimproxy.";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && (is_space(text.back()) || text.back() == ';')) text.remove_suffix(1);
  return text;
}

// The value that `SET name = value` gives; nothing if it is DEFAULT, or cannot be told.
std::optional<std::string> value_given(std::string_view text, std::string_view name) {
  const std::string folded = fold(text);
  const std::size_t at = folded.find(name);
  if (at == folded.npos) return std::nullopt;
  std::string_view rest = trim(text.substr(at + name.size()));
  if (rest.starts_with('=')) {
    rest = trim(rest.substr(1));
  } else if (fold(rest).starts_with("to")) {
    rest = trim(rest.substr(2));
  } else {
    return std::nullopt;
  }
  // A comment may follow.
  if (rest.starts_with('\'')) {
    const std::size_t end = rest.find('\'', 1);
    return end == rest.npos ? std::string(rest) : std::string(rest.substr(1, end - 1));
  }
  rest = rest.substr(0, rest.find_first_of(" \t\r\n\f;"));
  if (fold(rest) == "default") return std::nullopt;
  return std::string(rest);
}

bool is_right(std::string_view name, const std::string& value) {
  if (value.empty()) return true;
  if (name == "heimproxy.route") return route::parse_wish(value).has_value();
  if (name == "heimproxy.freshness") return freshness::parse_freshness(value).has_value();
  if (name == "heimproxy.min_lsn") return route::parse_lsn(value).has_value();
  if (name == "heimproxy.cache") return config::parse_caching(value).has_value();
  return name == "heimproxy.group";
}

}  // namespace

const Client::Routing& Client::wishes() {
  Routing& mine = routing();
  if (mine.of == vars) return mine;
  mine.of = vars;
  const auto value = [&](std::string_view name) -> std::string_view {
    const std::string* found = vars->find(name);
    return found ? std::string_view(*found) : std::string_view();
  };
  const auto wish = config::parse_wish(value("heimproxy.route"));
  mine.wish = wish ? config::own(*wish) : config::Wish{};
  mine.freshness = freshness::parse_freshness(value("heimproxy.freshness"));
  const std::string_view group = value("heimproxy.group");
  mine.group = group.empty() ? 0 : hub.shared.ledger.group(group);
  mine.caching = config::parse_caching(value("heimproxy.cache"));
  mine.settings = Cached::settings_key(*vars, hub.shared.hash_seed);
  mine.min_lsn = route::parse_lsn(value("heimproxy.min_lsn")).value_or(0);
  const std::string reads = fold(value("default_transaction_read_only"));
  mine.read_only = reads == "on" || reads == "true" || reads == "yes" || reads == "1";
  const std::string isolation = fold(value("default_transaction_isolation"));
  mine.serializable = isolation == "serializable";
  mine.snapshot = isolation == "repeatable read";
  return mine;
}

// A hint counts more than what the session asked for. One that is not understood is none.
void Client::take_hint(const Survey& survey, route::Ask& ask) {
  if (const auto wish = route::parse_wish(survey.hint.route)) ask.wish = *wish;
  ask.hint = freshness::parse_freshness(survey.hint.freshness);
}

// Without the port.
std::string Client::peer_address() const {
  const std::string peer = stream_->peer_name();
  const std::size_t colon = peer.rfind(':');
  return colon == peer.npos ? peer : peer.substr(0, colon);
}

// What the rules say of who it is.
route::RuleMask Client::session_rules() {
  const route::Rules* rules = hub.guide.rules();
  if (!rules) return 0;
  Routing& mine = routing();
  const std::string* name = vars->find("application_name");
  const std::string_view application = name ? std::string_view(*name) : std::string_view();
  if (mine.rules_of != rules || mine.application_name != application) {
    mine.rules_of = rules;
    mine.application_name = application;
    mine.rules = rules->of_session({user, database_name, application, peer_address()});
  }
  return mine.rules;
}

// What is wrong with a statement that sets one of ours. Empty: nothing, as far as can be told.
std::string Client::wrong_setting(const sql::Script& script, std::string_view text) const {
  if ((script.effects & (sql::effect::settings | sql::effect::local)) == 0) return {};
  if (script.statements.size() != 1 || fold(text).find(prefix) == std::string::npos) return {};
  if (script.statements[0].kind != sql::Kind::set) return {};
  for (const std::string_view name :
       {"heimproxy.route", "heimproxy.freshness", "heimproxy.min_lsn", "heimproxy.cache"}) {
    const auto value = value_given(text, name);
    if (value && !is_right(name, *value)) {
      return "invalid value for parameter \"" + std::string(name) + "\": \"" + *value + "\"";
    }
  }
  return {};
}

// A simple query about a setting of ours that is not for the server as it stands. True if it has
// been dealt with.
bool Client::own_setting(Bytes in, const wire::Header& header) {
  constexpr std::size_t longest = 512;
  if (header.tag != 'Q' || header.body == 0 || header.body > longest) return false;
  const std::string_view text = as_text(in.subspan(wire::header_size, header.body - 1));
  if (text.find('.') == text.npos || fold(text).find(prefix) == std::string::npos) return false;
  const std::string wrong = wrong_setting(*hub.script(text), text);
  if (!wrong.empty()) {
    poison("22023", wrong);
    end_refused(in, header);
    return true;
  }
  const std::string_view other = instead_of(text);
  if (other == text || reads_elsewhere_) return false;
  std::string query;
  wire::text_message(query, 'Q', other);
  begin_request();
  server->expect(Reply::query);
  server->batch_open = false;
  server->prepared.drop_unnamed();
  statements_.set_unnamed(nullptr);
  hub.to_server.copy(query);
  return true;
}

// A Parse message of SHOW heimproxy.lsn; what stands for it is the last of Hub::rewritten then.
bool Client::reads_instead(Bytes in, const wire::Header& header) {
  constexpr std::size_t longest = 256;
  if (header.total() > longest || in.size() < header.total()) return false;
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  const std::string_view name = fields.string();
  const std::string_view text = fields.string();
  if (!fields.ok()) return false;
  const std::string_view other = instead_of(text);
  if (other == text) return false;
  std::string& message = hub.rewritten.emplace_back();
  wire::Writer(message, 'P').string(name).string(other).bytes(as_text(fields.rest()));
  return true;
}

// SHOW heimproxy.lsn: where the WAL ends, and so behind all that this session has committed.
// Another session that is given it (SET heimproxy.min_lsn) sees all of that.
std::string_view Client::instead_of(std::string_view text) {
  constexpr std::size_t longest = 64;
  if (text.size() > longest || text.find('.') == text.npos) return text;
  const std::string folded = fold(trim(text));
  if (!folded.starts_with("show") || !folded.ends_with("heimproxy.lsn")) return text;
  if (!trim(std::string_view(folded).substr(4, folded.size() - 4 - 13)).empty()) return text;
  return "SELECT pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text AS \"heimproxy.lsn\"";
}

}  // namespace heim::session
