#include "cache/flights.hpp"

#include <algorithm>

namespace heim::cache {
namespace {

// As the containers and the allocator have it, about.
constexpr std::int64_t flight_bytes = sizeof(std::pair<const Key, Flight>) + 32;
constexpr std::int64_t waiter_bytes = sizeof(Waiting) + 32;

}  // namespace

Flights::~Flights() {
  while (!flights_.empty()) erase(flights_.begin());
}

Flight* Flights::find(const Key& key) {
  const auto at = flights_.find(key);
  return at == flights_.end() ? nullptr : &at->second;
}

Flight* Flights::led(const Key& key, std::uint64_t id) {
  Flight* flight = find(key);
  return flight != nullptr && flight->leader == id ? flight : nullptr;
}

std::uint64_t Flights::lead(const Lookup& lookup, Usage& usage, Instant now) {
  const auto [at, fresh] = flights_.try_emplace(lookup.key);
  Flight& flight = at->second;
  if (fresh) {
    charge(flight_bytes);
    flight.fingerprint = lookup.fingerprint;
    flight.usage = &usage;
  } else {
    usage.unpin();
  }
  flight.leader = ++world_.last_id;
  flight.named = 0;
  flight.invalidated = false;
  flight.scope = lookup.wish.scope;
  flight.generation = world_.generation.load();
  flight.usage_generation = flight.usage->generation.load();
  flight.moment = world_.moment.load();
  flight.began = now;
  flight.fence.record(world_.ledger, lookup.tables);
  return flight.leader;
}

std::uint64_t Flights::wait(Flight& flight, Waiter& waiter, std::uint64_t token) {
  flight.line.push_back({&waiter, token, ++world_.last_id});
  ++waiting_;
  charge(waiter_bytes);
  return flight.line.back().id;
}

void Flights::withdraw(const Key& key, std::uint64_t ticket, Calls& calls) {
  const auto at = flights_.find(key);
  if (at == flights_.end()) return;
  Flight& flight = at->second;
  if (flight.named == ticket) return name_next(at, calls);
  const auto place = std::ranges::find(flight.line, ticket, &Waiting::id);
  if (place == flight.line.end()) return;
  flight.line.erase(place);
  --waiting_;
  charge(-waiter_bytes);
}

void Flights::call_first(Flight& flight, Wake why, Calls& calls) {
  flight.line.front().why = why;
  calls.splice(calls.end(), flight.line, flight.line.begin());
  --waiting_;
  charge(-waiter_bytes);
}

void Flights::name_next(Map::iterator at, Calls& calls) {
  Flight& flight = at->second;
  flight.leader = 0;
  flight.named = 0;
  if (flight.line.empty()) return erase(at);
  flight.named = flight.line.front().id;
  call_first(flight, Wake::lead, calls);
}

void Flights::end(const Key& key, Wake why, Calls& calls) {
  const auto at = flights_.find(key);
  while (!at->second.line.empty()) call_first(at->second, why, calls);
  erase(at);
}

void Flights::pass_on(const Key& key, Calls& calls) {
  const auto at = flights_.find(key);
  Flight& flight = at->second;
  const std::size_t alone = (std::size_t{1} << std::min(flight.rounds++, 16u)) - 1;
  for (std::size_t i = 0; i < alone && flight.line.size() > 1; ++i) {
    call_first(flight, Wake::alone, calls);
  }
  name_next(at, calls);
}

void Flights::erase(Map::iterator at) {
  at->second.usage->unpin();
  flights_.erase(at);
  charge(-flight_bytes);
}

void Flights::invalidate(const Key& key) {
  if (Flight* flight = find(key)) flight->invalidated = true;
}

}  // namespace heim::cache
