// Where somebody would like a read to go: "auto", "primary", "standby", "nearest", "node:NAME".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heim::config {

/// A value that owns its name.
struct Wish {
  enum class Kind : std::uint8_t { none, primary, standby, nearest, node };
  Kind kind = Kind::none;
  std::string node;  // of Kind::node

  bool operator==(const Wish&) const = default;
};

/// The same of a text that lives elsewhere: for one decision.
struct WishView {
  Wish::Kind kind = Wish::Kind::none;
  std::string_view node;
};
inline WishView view(const Wish& wish) { return {wish.kind, wish.node}; }

/// "auto" (none), "primary", "standby", "nearest", "node:NAME"; "replica" is "standby". Nothing if
/// it is none of these.
constexpr std::optional<WishView> parse_wish(std::string_view text) {
  using Kind = Wish::Kind;
  if (text == "auto" || text == "default") return WishView{};
  if (text == "primary") return WishView{Kind::primary, {}};
  if (text == "standby" || text == "replica") return WishView{Kind::standby, {}};
  if (text == "nearest") return WishView{Kind::nearest, {}};
  constexpr std::string_view node = "node:";
  if (!text.starts_with(node) || text.size() == node.size()) return std::nullopt;
  return WishView{Kind::node, text.substr(node.size())};
}

inline Wish own(const WishView& wish) { return {wish.kind, std::string(wish.node)}; }

inline std::string to_text(const WishView& wish) {
  constexpr std::string_view words[] = {"auto", "primary", "standby", "nearest", "node:"};
  return std::string(words[static_cast<std::size_t>(wish.kind)]) + std::string(wish.node);
}

}  // namespace heim::config
