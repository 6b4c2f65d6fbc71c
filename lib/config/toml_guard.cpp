#include "config/toml_guard.hpp"

#include <algorithm>
#include <string>

namespace heim::config {
namespace {

/// Steps over strings and comments as TOML's grammar has them. Where the text is no valid TOML it
/// may lose its way, but not before the place where toml++ stops.
class Guard {
 public:
  explicit Guard(std::string_view text) : text_(text) {
    if (text.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;  // a byte order mark
  }

  std::optional<Diagnostic> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        step_over_string(c);
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        return problem("a character that is not ASCII stands outside of quotes");
      } else if (c == '.' && ++dots_ > max_dots) {
        return problem("more dots in one line than any key has");
      } else {
        step();
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr int max_dots = 64;

  void step() {
    if (at_ >= text_.size()) return;
    if (text_[at_++] != '\n') return;
    ++line_;
    line_start_ = at_;
    dots_ = 0;
  }

  void step_over_string(char quote) {
    const std::string three(3, quote);
    const bool many_lines = text_.substr(at_).starts_with(three);
    const std::string_view end = many_lines ? std::string_view(three) : text_.substr(at_, 1);
    for (std::size_t i = 0; i < end.size(); ++i) step();
    while (at_ < text_.size() && !text_.substr(at_).starts_with(end)) {
      if (text_[at_] == '\n' && !many_lines) return;  // not closed: toml++ will say so
      if (text_[at_] == '\\' && quote == '"') step();
      step();
    }
    for (std::size_t i = 0; i < end.size(); ++i) step();
    // Up to two quotes may stand before the closing three.
    for (int i = 0; many_lines && i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) step();
  }

  Diagnostic problem(const char* message) const {
    Diagnostic out;
    out.line = line_;
    out.column = static_cast<std::uint32_t>(at_ - line_start_ + 1);
    out.message = std::string("not valid TOML: ") + message;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0, line_start_ = 0;
  std::uint32_t line_ = 1;
  int dots_ = 0;
};

}  // namespace

std::optional<Diagnostic> guard_toml(std::string_view text) { return Guard(text).run(); }

}  // namespace heim::config
