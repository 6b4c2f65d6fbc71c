#include "session/question.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "fleet/coding.hpp"

namespace heim::session {

std::string text_of(const Asker& asker) {
  std::string all;
  fleet::put_text(all, asker.database);
  fleet::put_text(all, asker.user);
  for (const auto& [name, value] : asker.settings) {
    fleet::put_text(all, name);
    fleet::put_text(all, value);
  }
  return all;
}

std::uint32_t Askers::number(const Asker& asker) {
  const std::string all = text_of(asker);
  const auto is_long = [](const std::string& name) { return name.size() > longest_name; };
  const bool long_name =
      is_long(asker.database) || is_long(asker.user) ||
      std::ranges::any_of(asker.settings, [&](const auto& item) { return is_long(item.first); });
  if (all.size() > longest || long_name) return 0;
  const std::uint64_t hash = hash128(all, 0).low;
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(hash);
  // Somebody else of that hash is as one too many.
  if (found != numbers_.end()) {
    return askers_[found->second - 1] == asker ? found->second : 0;
  }
  if (askers_.size() == limit) return 0;
  askers_.push_back(asker);
  return numbers_[hash] = static_cast<std::uint32_t>(askers_.size());
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
