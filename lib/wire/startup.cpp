#include "wire/startup.hpp"

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::wire {
namespace {

Error violation(std::string message) { return {"08P01", std::move(message), {}, {}}; }

Result<StartupPacket> read_cancel(Bytes body) {
  StartupPacket packet;
  packet.kind = StartupKind::cancel;
  Fields fields(body);
  packet.cancel_pid = fields.u32();
  const Bytes secret = fields.rest();
  if (!fields.ok() || secret.size() < 4 || secret.size() > 256) {
    return violation("a CancelRequest must carry a process id and a key of 4 to 256 bytes");
  }
  packet.cancel_secret = as_text(secret);
  return packet;
}

Result<StartupPacket> read_parameters(std::uint32_t version, Bytes body) {
  StartupPacket packet;
  packet.version = version;
  Fields fields(body);
  for (;;) {
    const std::string_view name = fields.string();
    if (!fields.ok()) return violation("a startup packet's parameters must end with a zero byte");
    if (name.empty()) break;
    const std::string_view value = fields.string();
    if (!fields.ok()) return violation("a startup packet's last parameter has no value");
    if (name.starts_with("_pq_.")) {
      packet.protocol_options.emplace_back(name);
    } else {
      packet.parameters.emplace_back(name, value);
    }
  }
  if (!fields.done()) return violation("a startup packet has bytes after its end");
  return packet;
}

}  // namespace

std::string_view StartupPacket::find(std::string_view name) const {
  for (auto it = parameters.rbegin(); it != parameters.rend(); ++it) {
    if (it->first == name) return it->second;
  }
  return {};
}

Result<std::size_t> startup_length(Bytes bytes) {
  if (bytes.size() < 4) return std::size_t{0};
  const std::uint32_t length = load_be32(bytes.data());
  if (length < 8 || length - 4 > max_startup_length) {
    return violation("invalid length of startup packet");
  }
  return std::size_t{length};
}

Result<StartupPacket> read_startup(Bytes packet) {
  Fields fields(packet);
  const std::uint32_t length = fields.u32();
  const std::uint32_t code = fields.u32();
  if (!fields.ok()) return violation("a startup packet must have at least 8 bytes");
  if (length != packet.size()) return violation("invalid length of startup packet");
  if (code == cancel_request) return read_cancel(fields.rest());
  if (code == ssl_request || code == gssenc_request) {
    if (!fields.done()) return violation("an encryption request must have 8 bytes");
    StartupPacket request;
    request.kind = code == ssl_request ? StartupKind::ssl : StartupKind::gssenc;
    return request;
  }
  if (code >> 16 != 3) {
    return Error{"0A000",
                 "unsupported frontend protocol " + std::to_string(code >> 16) + "." +
                     std::to_string(code & 0xffff) + ": server supports 3.0 to 3.2",
                 {},
                 {}};
  }
  return read_parameters(code, fields.rest());
}

std::string negotiate(const StartupPacket& packet, std::uint32_t newest_minor) {
  std::string out;
  const std::uint32_t asked = packet.version & 0xffff;
  if (asked <= newest_minor && packet.protocol_options.empty()) return out;
  Writer writer(out, 'v');
  // The whole version, as PostgreSQL sends it and libpq compares it, although the protocol's
  // documentation speaks of the minor number alone.
  writer.u32((3u << 16) | (asked < newest_minor ? asked : newest_minor));
  writer.u32(static_cast<std::uint32_t>(packet.protocol_options.size()));
  for (const std::string& name : packet.protocol_options) writer.string(name);
  return out;
}

}  // namespace heim::wire
