// Whose questions the cache may answer, and on what terms: as a statement's hint says, or else the
// session, a rule, the configuration.
#include "route/cacheable.hpp"
#include "session/client_cache.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "sql/hint.hpp"

namespace heim::session {
namespace {

// Above it a server is asked: what a client does not read is its own affair then.
constexpr std::size_t backlog_high = 65536;

// What a statement may do to its session, and leave it as it was.
constexpr sql::Effects harmless = sql::effect::is_stable | sql::effect::calls_functions |
                                  sql::effect::uses_relations | sql::effect::names_attributes |
                                  sql::effect::transaction;

bool only_reads(const sql::Script& script, const route::Plan& plan) {
  return plan.needs.place == route::Place::standby && !plan.needs.writes_anything() &&
         (script.effects & ~harmless) == 0 && script.statements.size() == 1 &&
         script.statements[0].kind == sql::Kind::read;
}

}  // namespace

bool Client::Cached::is_beside(std::string_view name) {
  return is_statement_item(name) || name == "application_name" || name.starts_with("heimproxy.");
}

cache::Key Client::Cached::settings_key(const SettingList& settings, std::uint64_t seed) {
  cache::KeyBuilder key(seed);
  for (const auto& [name, value] : settings.items) {
    if (!is_beside(name)) key.add(name).add(value);
  }
  return key.key();
}

// A block: it has only read, all of it is answered, and nothing else is on its server.
bool Client::Cached::is_between_reads(const Client& client) {
  const Routing* mine = client.routing_.get();
  if (!mine || mine->block != Routing::Block::reads || mine->portal_open) return false;
  const Server& server = *client.server;
  return server.in_transaction() && !server.in_failed_transaction() && !server.owes() &&
         !server.batch_open && !client.reads_elsewhere_ && client.holds_ == 0 &&
         (client.effects_ & ~harmless) == 0 && !client.stalled_ && client.again_.empty();
}

// In front of it. READ COMMITTED alone: what is kept may be newer than another block's snapshot.
void Client::Cached::note(Client& client, const sql::Script& script, const route::Plan& plan) {
  using Block = Routing::Block;
  Routing& mine = client.routing();
  if (mine.block == Block::other) return;
  const bool begins =
      script.statements.size() == 1 && script.statements[0].kind == sql::Kind::begin;
  if (!begins) {
    if (!only_reads(script, plan)) mine.block = Block::other;
    return;
  }
  const sql::Statement& begin = script.statements[0];
  const Routing& wished = client.wishes();
  const bool snapshot = begin.serializable || begin.repeatable_read || wished.serializable ||
                        wished.snapshot || !client.pool->catalog ||
                        client.pool->catalog->objects().snapshots();
  const bool first = mine.block == Block::none && !client.server->in_transaction() &&
                     !client.server->owes_earlier();
  mine.block = first && !snapshot ? Block::reads : Block::other;
}

// Whether the unnamed portal can be gone on with: with a number of rows it can.
void Client::Cached::note_execute(Client& client, Bytes in, const wire::Header& header) {
  if (!client.routing_ || in.size() < header.total()) return;
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  if (fields.string().empty()) client.routing_->portal_open = fields.u32() != 0;
}

// Nothing of the session's own state stands in the way.
bool Client::Cached::is_alone() const {
  if (!client_.tracks_state() || !client_.splits_) return false;
  if (!client_.shares_names() || !client_.reading_.is_told() || client_.odd_strings()) return false;
  if (client_.backlog() > backlog_high || client_.pool->policy.standby_only) return false;
  return may_see_newest();
}

bool Client::Cached::may_keep(Client& client) {
  const Cached it(client);
  return it.is_alone() && it.may_be_told();
}

// Nor does what the session or its block shall see.
bool Client::Cached::may_see_newest() const {
  const Routing& mine = client_.wishes();
  Pool& pool = *client_.pool;
  if (pool.catalog_version != client_.hub.shared.catalogs.version()) pool.look_at_catalog();
  const sql::CatalogRef& catalog = pool.catalog;
  if (mine.wish.kind != config::Wish::Kind::none || mine.min_lsn != 0) return false;
  if (mine.serializable || !catalog || catalog->objects().serializable()) return false;
  if (!client_.in_held_block()) return true;
  return mine.block == Routing::Block::reads && !mine.failed && !catalog->objects().snapshots();
}

// Whether what others commit is known here. Asked before an answer is looked for.
bool Client::Cached::may_be_told() const {
  return client_.pool->may_use_cache() && client_.hub.shared.trust.holds();
}

const route::Outcome* Client::Cached::rule_for(route::Plan& plan) const {
  const Hub& hub = client_.hub;
  const route::Rules* rules = hub.guide.rules();
  if (!rules) return nullptr;
  return route::rule_of(plan, rules, client_.session_rules(), hub.shared.ledger);
}

// Nothing: it is not for the cache.
std::optional<Client::Cached::Terms> Client::Cached::terms(route::Plan& plan) const {
  const sql::Hint hint = sql::find_hint(text());
  const route::Outcome* rule = rule_for(plan);
  const bool secured = rule && rule->cache_row_security && plan.uncached == route::row_security;
  if (!hint.route.empty() || (!plan.uncached.empty() && !secured)) return std::nullopt;
  std::optional<config::Caching> hinted;
  if (!hint.cache.empty()) hinted = config::parse_caching(hint.cache);
  const std::optional<config::Caching>& asked = hinted ? hinted : client_.routing_->caching;
  if (asked ? !asked->used : rule && !rule->cache.value_or(true)) return std::nullopt;
  Terms terms = terms_of(rule);
  terms.always = terms.always || asked;
  if (asked && asked->ttl) terms.wish.max_age = *asked->ttl;
  take_scope(terms.wish, scope_of(hint, rule));
  return terms;
}

freshness::Freshness Client::Cached::scope_of(const sql::Hint& hint,
                                              const route::Outcome* rule) const {
  const std::string_view asked = hint.freshness;
  const auto hinted = asked.empty() ? std::nullopt : freshness::parse_freshness(asked);
  if (hinted) return *hinted;
  if (client_.routing_->freshness) return *client_.routing_->freshness;
  return rule && rule->freshness ? *rule->freshness : client_.pool->policy.freshness;
}

Client::Cached::Terms Client::Cached::terms_of(const route::Outcome* rule) const {
  const cache::Cache::Limits& limits = client_.hub.shared.cache->limits();
  Terms terms{.wish = {}, .always = false, .limit = limits.entry_bytes};
  terms.wish.max_age = limits.ttl;
  if (!rule) return terms;
  terms.always = rule->cache.has_value();
  terms.wish.max_age = rule->cache_ttl.value_or(limits.ttl);
  terms.wish.stale_while_filling = rule->stale_while_revalidate;
  terms.limit = std::min(terms.limit, rule->cache_max_result_size.value_or(terms.limit));
  return terms;
}

// What a session or group has committed is known to the ledger, not to the cache: whatever is asked
// from the time on when it is looked for has it.
void Client::Cached::take_scope(cache::Wish& wish, const freshness::Freshness& asked) const {
  using freshness::Scope;
  Routing& mine = *client_.routing_;
  Shared& shared = client_.hub.shared;
  wish.scope = asked.scope;
  if (asked.scope == Scope::bounded) {
    wish.bound = asked.window.value_or(client_.pool->policy.lag_window);
  }
  if (asked.scope != Scope::session && asked.scope != Scope::group) return;
  const bool grouped = asked.scope == Scope::group && mine.group != 0;
  const std::uint64_t version = grouped ? shared.ledger.version(mine.group) : mine.group_version;
  // How a commit of its own ended may not be known.
  if (mine.mark.open > 0 || (asked.scope == Scope::group && !grouped)) {
    wish.scope = Scope::strict;
    return;
  }
  if (std::exchange(mine.committed, false) || version != mine.group_version) {
    mine.group_version = version;
    mine.after = shared.cache->moment();
  }
  wish.after = mine.after;
  shared.ledger.settle(mine.mark);
  wish.lsn = grouped || mine.mark.epoch != 0 ? 0 : mine.mark.lsn;
}

}  // namespace heim::session
