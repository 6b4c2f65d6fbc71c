// What the servers of one cluster have in common: the committed data, its shape, and the channels.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "judge.hpp"
#include "session.hpp"

namespace heim::sim {

class Database {
 public:
  explicit Database(Judge& judge) : judge_(judge) {}

  void commit(const std::vector<Write>& writes) {
    for (const Write& write : writes) {
      values_[write.key] = write.value;
      judge_.committed(write.tag);
    }
  }
  std::string read(const std::string& key) const {
    const auto it = values_.find(key);
    return it == values_.end() ? std::string() : it->second;
  }
  std::uint64_t schema() const { return schema_; }
  void alter() { ++schema_; }
  Judge& judge() { return judge_; }

 private:
  Judge& judge_;
  std::map<std::string, std::string> values_;
  std::uint64_t schema_ = 0;
};

}  // namespace heim::sim
