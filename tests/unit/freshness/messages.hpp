// Messages of logical replication, as a server writes them.
#pragma once
#include <initializer_list>
#include <string>

#include "base/bytes.hpp"

namespace heim::freshness::test {

inline std::string u32(std::uint32_t value) {
  std::string out(4, '\0');
  store_be32(reinterpret_cast<std::uint8_t*>(out.data()), value);
  return out;
}
inline std::string u64(std::uint64_t value) {
  return u32(static_cast<std::uint32_t>(value >> 32)) + u32(static_cast<std::uint32_t>(value));
}
inline std::string text(std::string_view value) { return std::string(value) + '\0'; }

inline std::string begin(std::uint32_t xid) { return "B" + u64(90) + u64(0) + u32(xid); }
inline std::string commit(std::uint64_t end) {
  return "C" + std::string(1, '\0') + u64(end - 8) + u64(end) + u64(0);
}
/// `part`: the xid in front of each message of a streamed transaction; empty: none.
inline std::string relation(std::uint32_t oid, std::string_view name, std::string part = {}) {
  const std::string column = std::string(1, '\1') + text("id") + u32(23) + u32(~0u);
  return "R" + part + u32(oid) + text("public") + text(name) + "d" + std::string("\0\1", 2) +
         column;
}
inline std::string row() { return std::string("\0\1t\0\0\0\1", 7) + "7"; }
inline std::string insert(std::uint32_t oid, std::string part = {}) {
  return "I" + part + u32(oid) + "N" + row();
}
inline std::string update(std::uint32_t oid, std::string part = {}) {
  return "U" + part + u32(oid) + "K" + row() + "N" + row();
}
inline std::string remove(std::uint32_t oid, std::string part = {}) {
  return "D" + part + u32(oid) + "O" + row();
}
inline std::string truncate(std::initializer_list<std::uint32_t> oids, std::string part = {}) {
  std::string out = "T" + part + u32(static_cast<std::uint32_t>(oids.size())) + std::string(1, 0);
  for (const std::uint32_t oid : oids) out += u32(oid);
  return out;
}
inline std::string message(std::string_view prefix, bool transactional, std::string part = {}) {
  return "M" + part + std::string(1, transactional ? 1 : 0) + u64(50) + text(prefix) + u32(3) +
         "abc";
}
inline std::string origin() { return "O" + u64(4) + text("elsewhere"); }
inline std::string type(std::string part = {}) {
  return "Y" + part + u32(70'000) + text("public") + text("mood");
}
inline std::string stream_start(std::uint32_t xid) { return "S" + u32(xid) + std::string(1, 1); }
inline std::string stream_stop() { return "E"; }
inline std::string stream_commit(std::uint32_t xid, std::uint64_t end) {
  return "c" + u32(xid) + commit(end).substr(1);
}
inline std::string stream_abort(std::uint32_t xid, std::uint32_t sub) {
  return "A" + u32(xid) + u32(sub);
}

}  // namespace heim::freshness::test
