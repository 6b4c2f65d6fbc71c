#include "session/question.hpp"

#include "fleet/coding.hpp"

namespace heim::session {

std::uint32_t Askers::number(const Asker& asker) {
  std::string all;
  fleet::put_text(all, asker.database);
  fleet::put_text(all, asker.user);
  for (const auto& [name, value] : asker.settings) {
    fleet::put_text(all, name);
    fleet::put_text(all, value);
  }
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(all);
  if (found != numbers_.end()) return found->second;
  if (askers_.size() == limit) return 0;
  askers_.push_back(asker);
  return numbers_[std::move(all)] = static_cast<std::uint32_t>(askers_.size());
}

Asker Askers::find(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return askers_[number - 1];
}

std::string pack(std::uint32_t asker, std::string_view batch) {
  std::string packed(sizeof asker, '\0');
  store_be32(reinterpret_cast<std::uint8_t*>(packed.data()), asker);
  return packed.append(batch);
}

std::uint32_t packed_asker(Bytes packed) { return load_be32(packed.data()); }

std::string_view packed_batch(Bytes packed) { return as_text(packed.subspan(4)); }

}  // namespace heim::session
