#include "session/refill.hpp"

#include "auth/method.hpp"
#include "session/client_cache.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/warm_list.hpp"

namespace heim::session {
namespace {

constexpr Duration longest_wait = std::chrono::seconds(5);  // while others could be asked for

}  // namespace

void Refill::go_on() {
  if (hub_.shared.warm_list == nullptr || hub_.draining()) return end();
  if (!session_) return begin();
  if (session_->state() == Prompter::State::busy) return;
  const bool asked = std::exchange(asked_, false);
  if (session_->state() == Prompter::State::ended) return ended(asked);
  if (asked) hub_.shared.warm_list->done();
  ask();
}

void Refill::begin() {
  const std::optional<Asker> asker = hub_.shared.warm_list->next_asker(hub_.now());
  if (!asker) return;
  if (!may_log_in(*asker)) return hub_.shared.warm_list->postpone(hub_.now());
  ready_ = hub_.now();
  session_ = std::make_unique<Prompter>(hub_, *asker, Prompter::Purpose::refill,
                                        [](Hub& hub) { hub.refill.go_on(); });
}

// Where clients' logins alone bring connections, there has to have been one.
bool Refill::may_log_in(const Asker& asker) {
  const DatabaseView database = hub_.database(asker.database);
  const auto primary = hub_.choose(route::Wanted::primary);
  if (!primary) return false;
  const std::optional<auth::Method> method = auth::method_of(hub_.settings().auth.type);
  if (method && method != auth::Method::relay) return true;
  const std::string& user = database.user.empty() ? asker.user : database.user;
  return hub_.shared.server_secrets.has(asker.database, user) ||
         hub_.pool_for(database, user, primary->node)->record.servers > 0;
}

// Whom the server does not let in is gone for good. So is a question that ends its session: asked
// again, it might do so again, or bring the server down once more.
void Refill::ended(bool asked) {
  const std::string why = session_->sqlstate();
  session_.reset();
  WarmList& list = *hub_.shared.warm_list;
  if (why == "3D000" || why.starts_with("28")) return list.leave_out();
  if (asked) list.done();
  list.postpone(hub_.now());
}

bool Refill::may_ask() const {
  const Client& client = *session_->client();
  return client.pool->record.waiters.load(std::memory_order_relaxed) == 0 &&
         Client::Cached::may_keep(*session_->client());
}

void Refill::ask() {
  WarmList& list = *hub_.shared.warm_list;
  if (!may_ask()) {
    if (hub_.now() - ready_ < longest_wait) return;
    session_.reset();
    return list.postpone(hub_.now());
  }
  ready_ = hub_.now();
  const std::optional<std::string> batch = list.next(hub_.now());
  if (!batch) return session_.reset();
  asked_ = true;
  session_->ask(*batch);
}

}  // namespace heim::session
