#include "fleet/changes.hpp"

#include <algorithm>

namespace heim::fleet {

using freshness::Outcome;

std::vector<std::string> Changes::databases(const std::vector<TableName>& tables) {
  std::vector<std::string> names;
  for (const TableName& table : tables) {
    if (table.database.empty() || std::ranges::count(names, table.database) != 0) continue;
    names.push_back(table.database);
  }
  return names;
}

void Changes::begin(const std::vector<std::string>& databases) {
  for (const std::string& database : databases) owner_.change_begins(database);
}

// While it is not known how it ended, it may come yet: as long as the ledger thinks so.
void Changes::end(const std::vector<std::string>& databases, Outcome outcome, std::uint64_t number,
                  Instant now) {
  const bool doubtful = outcome == Outcome::unknown;
  if (!doubtful) {
    for (const std::string& database : databases) owner_.change_ends(database);
  }
  held_.push_back(
      {hold(databases), doubtful ? databases : std::vector<std::string>(), number, now});
}

void Changes::end_own(freshness::CommitTicket held, const std::vector<std::string>& databases,
                      Outcome outcome, std::uint64_t number, Instant now) {
  const bool doubtful = outcome == Outcome::unknown;
  if (doubtful) begin(databases);
  held_.push_back({held, doubtful ? databases : std::vector<std::string>(), number, now});
}

freshness::CommitTicket Changes::hold(const std::vector<std::string>& databases) {
  freshness::WriteSet all;
  for (const std::string& database : databases) {
    all.add(ledger_.everything(ledger_.database(database)));
  }
  return ledger_.begin_foreign(0, all);
}

void Changes::renumber() {
  for (Held& held : held_) held.number = 0;
}

bool Changes::is_over(const Held& held, std::uint64_t heard, Duration lease, Instant now) const {
  if (!held.doubtful.empty()) return now >= held.since + ledger_.limits().limbo;
  return (held.number != 0 && heard >= held.number) || now >= held.since + lease + lease / 16;
}

void Changes::step(std::uint64_t heard, Duration lease, Instant now) {
  std::erase_if(held_, [&](Held& held) {
    if (!is_over(held, heard, lease, now)) return false;
    for (const std::string& database : held.doubtful) owner_.change_ends(database);
    ledger_.end_commit(held.ticket, Outcome::committed, now);
    return true;
  });
}

}  // namespace heim::fleet
