#include "database.hpp"

namespace heim::sim {

std::string Database::at(const Versions& versions, const std::string& name, Snapshot snapshot) {
  const auto found = versions.find(name);
  if (found == versions.end()) return {};
  for (auto each = found->second.rbegin(); each != found->second.rend(); ++each) {
    if (each->first <= snapshot) return each->second;
  }
  return {};
}

void Database::append(Record record) {
  log_.push_back(std::make_shared<const Record>(std::move(record)));
  replay();
}

void Database::commit(const std::vector<Write>& writes, Instant now) {
  append({timeline_, insert_lsn() + 40 + 30 * writes.size(), now, writes});
  for (const Write& write : writes) {
    judge_.history().committed(write.tag, write.table, {timeline_, insert_lsn()});
    judge_.committed(write.tag);
  }
}

void Database::replay() {
  const Record& record = *log_[visible_++];
  for (const Write& write : record.writes) {
    values_[write.key].emplace_back(visible_, write.value);
    tables_[write.table].emplace_back(visible_, write.tag);
  }
}

void Database::receive(RecordRef record, std::uint32_t timeline) {
  timeline_ = timeline;
  log_.push_back(std::move(record));
}

void Database::promote(std::uint32_t timeline) {
  while (behind()) replay();
  timeline_ = timeline;
  in_recovery_ = false;
}

void Database::rewind(std::uint64_t lsn) {
  while (!log_.empty() && log_.back()->end > lsn) log_.pop_back();
  const Snapshot left = std::min<Snapshot>(visible_, log_.size());
  visible_ = 0;
  values_.clear();
  tables_.clear();
  while (visible_ < left) replay();
}

}  // namespace heim::sim
