#include "control/stream.hpp"

#include <random>
#include <utility>

#include "base/quote.hpp"
#include "control/queries.hpp"
#include "wire/framer.hpp"

namespace heim::control {
namespace {

constexpr int has_parts = 140000;  // streams large transactions before they end; sends messages

// No two connections have the same.
std::string slot_name() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string out = "heimproxy_";
  for (int i = 0; i < 16; ++i) out += digits[random() & 15];
  return out;
}

std::string u64(std::uint64_t value) {
  std::string out(8, '\0');
  auto* at = reinterpret_cast<std::uint8_t*>(out.data());
  store_be32(at, static_cast<std::uint32_t>(value >> 32));
  store_be32(at + 4, static_cast<std::uint32_t>(value));
  return out;
}

std::uint64_t u64(wire::Fields& fields) {
  const std::uint64_t high = fields.u32();
  return high << 32 | fields.u32();
}

}  // namespace

Stream::Stream(io::Loop& loop, StreamOwner& owner, std::string publication)
    : loop_(loop),
      owner_(owner),
      publication_(std::move(publication)),
      slot_(slot_name()),
      link_(loop, *this) {}

void Stream::connect(const Conninfo& info) {
  Conninfo mine = info;
  mine.emplace_back("replication", "database");
  heard_ = loop_.now();
  link_.connect(mine);
}

void Stream::on_link_ready() {
  question_.sql =
      "CREATE_REPLICATION_SLOT " + slot_ + " TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT";
  link_.ask(question_);
}

// The slot's name, and where all is consistent.
void Stream::on_link_rows(const Rows& rows) {
  begins_ = rows.count() == 1 ? parse_lsn(rows.text(0, 1)) : 0;
  if (begins_ == 0) return fail("no replication slot was made");
  const std::string names = quoted(quoted(publication_, '"'), '\'');
  const bool parts = link_.server_version() >= has_parts;
  question_.sql = "START_REPLICATION SLOT " + slot_ + " LOGICAL 0/0 (proto_version " +
                  (parts ? "'2', streaming 'on', messages 'on'" : "'1'") + ", publication_names " +
                  names + ")";
  link_.ask(question_);
}

void Stream::on_link_streams() {
  streams_ = true;
  reached_ = begins_;
  heard_ = loop_.now();
  owner_.on_stream_begins(begins_);
}

void Stream::on_link_lost(const cluster::Trouble& why) {
  if (!failed_) owner_.on_stream_lost(why);
}

void Stream::fail(std::string why) {
  if (std::exchange(failed_, true)) return;
  owner_.on_stream_lost({cluster::Failure::unhealthy, std::move(why)});
}

void Stream::on_link_data(Bytes data) {
  if (failed_ || data.empty()) return;
  heard_ = loop_.now();
  constexpr std::size_t header = 1 + 3 * 8;
  if (data[0] == 'k') return on_keepalive(data.subspan(1));
  if (data[0] != 'w' || data.size() < header) return fail("an unknown message in the stream");
  auto taken = changes_.take(data.subspan(header));
  if (!taken) return fail(taken.error().message);
  if (!*taken) return;
  reached_ = std::max(reached_, (*taken)->end);
  owner_.on_stream_commit(*std::move(*taken));
}

void Stream::on_keepalive(Bytes body) {
  wire::Fields fields(body);
  const std::uint64_t lsn = u64(fields);
  u64(fields);
  const bool wants_reply = fields.u8() == 1;
  if (!fields.done()) return fail("a malformed keepalive in the stream");
  reached_ = std::max(reached_, lsn);
  if (wants_reply) reply(false);
  owner_.on_stream_reached(lsn);
}

void Stream::ask_position() { reply(true); }

void Stream::reply(bool ask) {
  constexpr std::uint64_t no_time = 0;
  const std::string done = u64(reached_);
  link_.send_data(as_bytes("r" + done + done + done + u64(no_time) + std::string(1, ask ? 1 : 0)));
}

}  // namespace heim::control
