// What a person should know about a configuration: where, which key, what is wrong, what to do.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace heim::config {

/// A place in a file. Lines and columns count from 1; line 0 stands for the file as a whole.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Diagnostic {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string key;  // "proxy.pool_size", "nodes[0].host" (counted from 0); empty: the file itself
  std::string message;  // never holds the value of a secret
};

/// "heimproxy.toml:12:3: proxy.pool_size: must be ...". No line end.
std::string to_text(const Diagnostic& diagnostic);
/// One line each, every one with a line end.
std::string to_text(const std::vector<Diagnostic>& diagnostics);

}  // namespace heim::config
