// Commands as a Redis server takes them.
#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace heim::redis {

/// Appends one command: a list of bulk texts.
inline void command(std::string& out, std::span<const std::string_view> words) {
  out += '*';
  out += std::to_string(words.size());
  out += "\r\n";
  for (const std::string_view word : words) {
    out += '$';
    out += std::to_string(word.size());
    out += "\r\n";
    out += word;
    out += "\r\n";
  }
}
inline void command(std::string& out, std::initializer_list<std::string_view> words) {
  command(out, std::span(words.begin(), words.size()));
}

}  // namespace heim::redis
