#include "session/prefetch.hpp"

#include <algorithm>

#include "session/client_cache.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr Duration idle_for = std::chrono::seconds(5);

}  // namespace

// Amid a client's answer: all else comes later.
void Prefetch::want(std::uint32_t asker, std::string batch) {
  if (waiting_ == most_waiting ||
      (sessions_.size() == most_sessions && !sessions_.contains(asker))) {
    ++hub_.shared.prefetch.dropped;
    return;
  }
  std::deque<Wanted>& waiting = sessions_[asker].waiting;
  if (std::ranges::find(waiting, batch, &Wanted::batch) != waiting.end()) return;
  waiting.push_back({std::move(batch), hub_.now()});
  ++waiting_;
  if (waiting.size() > 1) return;
  hub_.shared.fabric->post(hub_.worker, [](Hub& hub) { hub.prefetch.go_on(); });
}

void Prefetch::end() {
  sessions_.clear();
  waiting_ = 0;
}

// Of a second at most, so that what was saved is not spent at once.
bool Prefetch::has_budget() {
  const Instant now = hub_.now();
  const double seconds = std::chrono::duration<double>(now - counted_).count();
  left_ = std::min<double>(budget_, left_ + seconds * budget_);
  counted_ = now;
  return left_ >= 1;
}

void Prefetch::go_on() {
  if (sessions_.empty()) return;
  if (hub_.draining() || !is_on()) return end();
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    Session& session = it->second;
    drop_old(session);
    const bool idle = session.waiting.empty() && !session.is_busy();
    if (idle && hub_.now() - session.used > idle_for) {
      const auto ended = sessions_.extract(it++);  // and ends when the map is whole again
      continue;
    }
    if (!session.waiting.empty() && !serve(it->first, session)) {
      drop(session, session.waiting.size());
      if (session.prompter->state() == Prompter::State::ended) session.prompter.reset();
    }
    ++it;
  }
}

// Whoever was to ask it has asked, or does not.
void Prefetch::drop_old(Session& session) {
  const Instant now = hub_.now();
  const auto young = std::ranges::find_if(session.waiting, [&](const Wanted& wanted) {
    return now - wanted.since <= Foresight::memory;
  });
  drop(session, static_cast<std::size_t>(young - session.waiting.begin()));
}

// The first ones.
void Prefetch::drop(Session& session, std::size_t count) {
  waiting_ -= count;
  hub_.shared.prefetch.dropped += count;
  session.waiting.erase(session.waiting.begin(),
                        session.waiting.begin() + static_cast<std::ptrdiff_t>(count));
}

// False: it cannot be served now.
bool Prefetch::serve(std::uint32_t asker, Session& session) {
  if (!session.prompter) {
    session.used = hub_.now();
    session.prompter = std::make_unique<Prompter>(hub_, hub_.shared.askers->find(asker),
                                                  Prompter::Purpose::prefetch,
                                                  [](Hub& hub) { hub.prefetch.go_on(); });
    return true;
  }
  if (session.prompter->state() == Prompter::State::busy) return true;
  if (session.prompter->state() == Prompter::State::ended) return false;
  Client& client = *session.prompter->client();
  if (client.pool->record.waiters.load(std::memory_order_relaxed) != 0) return false;
  if (!Client::Cached::may_keep(client)) return hub_.now() - session.used < idle_for;
  if (!has_budget()) return true;  // the next tick
  left_ -= 1;
  session.used = hub_.now();
  const std::string batch = std::move(session.waiting.front().batch);
  session.waiting.pop_front();
  --waiting_;
  ++hub_.shared.prefetch.asked;
  session.prompter->ask(batch);
  return true;
}

}  // namespace heim::session
