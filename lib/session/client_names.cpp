// Names of statements where SQL and the protocol meet: PREPARE, EXECUTE and DEALLOCATE of SQL know
// the statements of Parse messages and the other way round, and a view lists them all.
//
// On shared servers, those of the protocol have names of ours. A client that mixes the two has its
// server to itself from then on, with its statements under its own names.
#include <algorithm>
#include <charconv>

#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

bool lists_statements(const sql::Name& relation) {
  return relation.name == "pg_prepared_statements";
}

// What has this number on the server, or had it when the batch began.
std::optional<ServerStatements::Item> item_of(const Server& given, std::uint32_t number) {
  std::optional<ServerStatements::Item> found;
  const auto look_among = [&](const std::vector<ServerStatements::Item>& items) {
    const auto it = std::ranges::find(items, number, &ServerStatements::Item::number);
    if (it != items.end()) found = *it;
  };
  look_among(given.prepared.items());
  for (const Undo& change : given.undo) {
    if (!found && change.forgotten) look_among(change.forgotten->server);
  }
  return found;
}

}  // namespace

// Whether its statements have names of ours.
bool Client::shares_names() const {
  return mode != config::PoolMode::session && (holds_ & hold_names) == 0;
}

// What the Parse messages of one batch name.
struct Client::BatchNames {
  std::vector<std::string_view> parsed;
  bool prepares = false;  // and by SQL
  const std::uint8_t* begin = nullptr;
  sql::Effects first = 0;  // of the Parse message that the batch begins with
};

// What of a batch is here, before its first message is sent. In its middle it is too late: an error
// before it would skip what is to be sent. False if it has to wait.
bool Client::look_at_batch(Bytes in) {
  if (server->batch_open || server->in_failed_transaction()) return true;
  BatchNames batch;
  batch.begin = in.data();
  bool mixes = false;
  wire::Header header;
  while (!mixes && wire::peek(wire::Origin::client, in, header) == wire::Peek::ok) {
    if (header.tag == 'S' || header.tag == 'Q' || in.size() < header.total()) break;
    mixes = mixes_names(in.first(header.total()), header, batch);
    in = in.subspan(header.total());
  }
  return make_way(batch.first, mixes);
}

// A message of a batch.
bool Client::mixes_names(Bytes message, const wire::Header& header, BatchNames& batch) {
  wire::Fields fields(message.subspan(wire::header_size));
  if (header.tag == 'B' && names_in_sql_) {
    fields.string();
    const StatementRef statement = statements_.find(fields.string());
    if (!fields.ok() || !statement) return false;
    find_script(*statement);
    return mixes_names(*statement->script, batch.parsed);
  }
  if (header.tag != 'P') return false;
  const std::string_view given = fields.string();
  const std::string_view text = fields.string();
  if (!fields.ok()) return false;
  const sql::ScriptRef script = hub.analysis.find(text);
  if (message.data() == batch.begin) batch.first = effects_of(text, *script);
  using namespace sql::effect;
  const bool names = (script->effects & (prepares | deallocates | executes)) != 0;
  batch.prepares |= (script->effects & prepares) != 0;
  names_in_sql_ |= names && !given.empty();
  if (mixes_names(*script, batch.parsed)) return true;
  if (given.empty()) return false;
  batch.parsed.push_back(given);
  return batch.prepares || (open_effects() & prepares) != 0 || vars->find(statement_item(given));
}

bool Client::mixes_names(const sql::Script& script,
                         std::span<const std::string_view> parsed) const {
  using namespace sql::effect;
  const bool looks = (script.effects & uses_relations) != 0;
  const bool names = (script.effects & (prepares | deallocates | executes)) != 0;
  // In a failed transaction nothing can be prepared, and nothing that was is run.
  if ((!looks && !names) || server->in_failed_transaction()) return false;
  const auto is_of_protocol = [&](const std::string& name) {
    return statements_.find(name) || std::find(parsed.begin(), parsed.end(), name) != parsed.end();
  };
  return std::any_of(
      script.statements.begin(), script.statements.end(), [&](const sql::Statement& each) {
        if (std::any_of(each.reads.begin(), each.reads.end(), lists_statements)) return true;
        if (std::any_of(each.executes.begin(), each.executes.end(), is_of_protocol)) return true;
        return (each.effects & (prepares | deallocates)) != 0 && is_of_protocol(each.name);
      });
}

// Nothing is owed, and no batch is open: what each name stands for is certain.
void Client::keep_own_names() {
  hold_server(hold_names);
  if (tracking_) tracking_->forget_resets();
  const StatementRef& unnamed = statements_.unnamed();
  const bool needs_unnamed =
      server->in_transaction() && unnamed && server->prepared.has_unnamed(key_of(*unnamed));
  for (const ServerStatements::Item& item : server->prepared.items()) {
    server->orphans.push_back(item.number);
  }
  server->prepared.clear();
  close_orphans();
  server->sync_hidden(hub.to_server);
  if (hub.guide.on()) parses_unseen();
  statements_.for_each([&](std::string_view name, Statement& statement, const SettingList* under) {
    prepare_own(name, statement, under);
  });
  keep_unnamed(needs_unnamed);
}

// Simple queries of ours may have taken the unnamed one away. It is made anew where it is used, but
// at once in a transaction: once that has failed, it could not be.
void Client::keep_unnamed(bool at_once) {
  statements_.clear_named();
  if (!at_once) return;
  // Nothing but messages that leave it where it is may follow.
  server->ask("SAVEPOINT heim_names", hub.to_server, Reply::query_lenient);
  ensure_unnamed({}, Reply::unnamed_lenient);
  server->sync_hidden(hub.to_server);
  server->back_to_savepoint(hub.to_server);
}

// Whether SQL's PREPARE is sure to have taken the name.
bool Client::is_of_sql(std::string_view given) const {
  constexpr sql::Effects frees =
      sql::effect::deallocates | sql::effect::discards | sql::effect::suspicious;
  return vars->find(statement_item(given)) && (open_effects() & frees) == 0;
}

// What SQL did with a name since the server was last asked, only the server knows.
void Client::try_name(std::string_view given, std::string_view content) {
  if (given.starts_with("heim_")) return;
  std::string out;
  wire::Writer(out, 'P').string(given).bytes(content);
  wire::Writer(out, 'C').u8('S').string(given);
  hub.to_server.copy(out);
  server->expect(Reply::parse_hidden);
  server->expect(Reply::close_hidden);
}

// "heim_7" in an error is a name of ours.
std::string Client::in_its_names(const Server& given, Bytes error) {
  constexpr std::string_view ours = "\"heim_";
  const std::size_t at = as_text(error).find(ours);
  if (at == std::string_view::npos) return {};
  std::string frame(as_text(error));
  const std::size_t end = frame.find('"', at + 1);
  std::uint32_t number = 0;
  std::from_chars(frame.data() + at + ours.size(), frame.data() + frame.size(), number);
  const std::string* name = end == frame.npos ? nullptr : own_name(given, number);
  if (!name) return {};
  frame.replace(at + 1, end - at - 1, *name);
  store_be32(reinterpret_cast<std::uint8_t*>(frame.data()) + 1,
             static_cast<std::uint32_t>(frame.size() - 1));
  return frame;
}

// What the client calls a statement that has this number on the server.
const std::string* Client::own_name(const Server& given, std::uint32_t number) const {
  const auto lost =
      std::ranges::find(given.lost_names, number, &std::pair<std::uint32_t, std::string>::first);
  if (lost != given.lost_names.end()) return &lost->second;
  std::optional<ServerStatements::Item> found = item_of(given, number);
  const auto is_it = [&](const Statement& statement) { return found->is(statement); };
  for (const Undo& change : given.undo) {
    const bool same = change.item.number == number && change.server_added;
    if (same) found = change.item;
    const bool was = found && change.before && found->is(*change.before);
    if (change.client_named && (same || was)) return &change.name;
    if (found && change.forgotten) return change.forgotten->client.name_of(is_it);
  }
  return found ? statements_.name_of(is_it) : nullptr;
}

}  // namespace heim::session
