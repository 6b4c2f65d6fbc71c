// What a session asks, as messages.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace heim::embed {

/// A parameter of a statement, lent.
struct Parameter {
  std::string_view bytes;
  std::uint32_t type = 0;  // 0: the server decides
  bool is_null = true;
  bool is_binary = false;
};

/// One statement with parameters, lent.
struct Request {
  std::string_view sql;        // or, if is_prepared:
  std::string_view statement;  // its name
  bool is_prepared = false;
  std::span<const Parameter> parameters;
  bool binary_result = false;
};

using StartupItems = std::vector<std::pair<std::string, std::string>>;

// Each appends to `out`.
void put_startup(std::string& out, const StartupItems& items);
void put_query(std::string& out, std::string_view sql);
/// Whether it is of the extended protocol.
bool put_request(std::string& out, const Request& request);
void put_prepare(std::string& out, std::string_view name, std::string_view sql,
                 std::span<const std::uint32_t> types);
void put_deallocate(std::string& out, std::string_view name);

/// What is too large for a message: 1 GiB less a byte.
bool is_sendable(std::size_t bytes);

}  // namespace heim::embed
