// Invariants:
// 1. The length is the same however many bytes after the fourth have come.
// 2. Reading never goes beyond the packet; a packet that lost its last byte is refused.
// 3. A packet that was accepted, written again from what was read, reads the same.
// 4. What negotiate() answers is empty or one whole message the framer accepts.
#include "wire/startup.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

using namespace heim;
using wire::StartupKind;
using wire::StartupPacket;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

Result<StartupPacket> read_exactly(Bytes bytes) {
  const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return wire::read_startup({copy.get(), bytes.size()});
}

std::string write_again(const StartupPacket& packet) {
  std::string body, out;
  switch (packet.kind) {
    case StartupKind::ssl:
      wire::startup(out, wire::ssl_request, {});
      return out;
    case StartupKind::gssenc:
      wire::startup(out, wire::gssenc_request, {});
      return out;
    case StartupKind::cancel: {
      std::uint8_t pid[4];
      store_be32(pid, packet.cancel_pid);
      body.assign(reinterpret_cast<char*>(pid), 4);
      body += packet.cancel_secret;
      wire::startup(out, wire::cancel_request, body);
      return out;
    }
    case StartupKind::startup:
      break;
  }
  const auto pair = [&](std::string_view name, std::string_view value) {
    ((body += name) += '\0') += value;
    body += '\0';
  };
  for (const auto& [name, value] : packet.parameters) pair(name, value);
  for (const std::string& name : packet.protocol_options) pair(name, "");
  body += '\0';
  wire::startup(out, packet.version, body);
  return out;
}

bool same(const StartupPacket& a, const StartupPacket& b) {
  return a.kind == b.kind && a.version == b.version && a.parameters == b.parameters &&
         a.protocol_options == b.protocol_options && a.cancel_pid == b.cancel_pid &&
         a.cancel_secret == b.cancel_secret;
}

void check_answer(const StartupPacket& packet) {
  for (const std::uint32_t newest : {0u, 2u}) {
    const std::string answer = wire::negotiate(packet, newest);
    if (answer.empty()) continue;
    wire::Header header;
    const auto peeked = wire::peek(wire::Origin::server, as_bytes(answer), header);
    require(peeked == wire::Peek::ok && header.total() == answer.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  const auto length = wire::startup_length(input);
  if (size < 4) {
    require(length && *length == 0);
    return 0;
  }
  const auto early = wire::startup_length(input.first(4));
  require(bool(early) == bool(length));
  if (!length) return 0;
  require(*early == *length && *length >= 8 && *length <= 4 + wire::max_startup_length);
  if (*length > size) return 0;
  const Bytes packet = input.first(*length);
  const auto read = read_exactly(packet);
  require(!read_exactly(packet.first(packet.size() - 1)));
  if (!read) {
    require(read.error().sqlstate.size() == 5 && !read.error().message.empty());
    return 0;
  }
  const std::string again = write_again(*read);
  const auto reread = read_exactly(as_bytes(again));
  require(bool(reread) && same(*read, *reread));
  if (read->kind == StartupKind::startup) check_answer(*read);
  return 0;
}
