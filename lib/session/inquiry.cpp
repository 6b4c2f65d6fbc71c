#include "session/inquiry.hpp"

#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

// A DataRow.
std::optional<Inquiry::Row> read_row(Bytes body) {
  wire::Fields fields(body);
  Inquiry::Row row(fields.u16());
  for (auto& column : row) {
    const std::uint32_t size = fields.u32();
    if (size != 0xffffffff) column = as_text(fields.bytes(size));
  }
  return fields.done() ? std::optional(std::move(row)) : std::nullopt;
}

void wipe_rows(std::vector<Inquiry::Row>& rows) {
  for (auto& row : rows) {
    for (auto& column : row) {
      if (column) wipe(column->data(), column->size());
    }
  }
}

}  // namespace

Error Inquiry::error_of(Bytes raw) const {
  if (raw.size() <= wire::header_size) {
    return {"08006", request_.name + ": the server connection was lost", {}, {}};
  }
  const wire::ErrorView view = wire::read_error(raw.subspan(wire::header_size));
  return {"08006", request_.name + " failed", {}, std::string(view.message)};
}

void Inquiry::start(Hub& hub, Pool& pool, Request request, Done done) {
  hub.add(std::make_unique<Inquiry>(hub, pool, std::move(request), std::move(done))).join();
}

Inquiry::Inquiry(Hub& hub, Pool& pool, Request request, Done done)
    : hub_(hub), pool_(pool), request_(std::move(request)), done_(std::move(done)) {
  ticket_.worker = hub.worker;
  ticket_.session = hub.shared.next_id.fetch_add(1) << 31;
  ticket_.since = hub.now();
}

Inquiry::~Inquiry() {
  hub_.shared.broker.leave(pool_.record, ticket_);
  wipe_rows(rows_);
}

void Inquiry::join() {
  if (Server* idle = pool_.take_idle(nullptr)) return link(*idle);
  hub_.follow(hub_.shared.broker.join(pool_.record, ticket_), pool_);
}

void Inquiry::link(Server& server) {
  server_ = &server;
  waited_ = hub_.now() - ticket_.since;
  // Nobody's schema stands before pg_catalog in a statement of ours.
  const Settings pinned =
      hub_.setting_table.intern({{"jit", "off"}, {"search_path", "pg_catalog"}});
  server.take(*this, ticket_.session, 0, pinned, hub_.to_server);
  std::string out;
  wire::Writer(out, 'P').string({}).string(request_.sql).u16(0);
  {
    wire::Writer bind(out, 'B');
    bind.string({}).string({}).u16(0);
    bind.u16(static_cast<std::uint16_t>(request_.parameters.size()));
    for (const std::string& each : request_.parameters) {
      bind.u32(static_cast<std::uint32_t>(each.size())).bytes(each);
    }
    bind.u16(0);
  }
  wire::Writer(out, 'E').string({}).u32(request_.rows);
  wire::message(out, 'S', {});
  hub_.to_server.copy(out);
  server.prepared.drop_unnamed();
  for (const Reply reply : {Reply::parse, Reply::bind, Reply::execute, Reply::sync})
    server.expect(reply);
  server.write(hub_.to_server);
}

void Inquiry::deliver(Out& out) {
  for (const Bytes& segment : out.segments()) received_.append(as_text(segment));
  out.clear();
  std::size_t done = 0;
  wire::Header header;
  while (wire::peek(wire::Origin::server, as_bytes(received_).subspan(done), header) ==
             wire::Peek::ok &&
         received_.size() - done >= header.total()) {
    read(as_bytes(received_).subspan(done, header.total()));
    done += header.total();
  }
  wipe(received_.data(), done);
  received_.erase(0, done);
}

void Inquiry::read(Bytes message) {
  if (message[0] == 'E') error_ = error_of(message);
  if (message[0] != 'D') return;
  if (auto row = read_row(message.subspan(wire::header_size))) {
    rows_.push_back(std::move(*row));
  } else {
    error_ = Error{"08006", request_.name + ": a malformed row", {}, {}};
  }
}

void Inquiry::on_ready(Server& server, char) {
  server_ = nullptr;
  server.release();
  if (error_) return answer(*error_);
  answer(std::move(rows_));
}

void Inquiry::on_sync_failed(Server& server, Bytes error) {
  server_ = nullptr;
  const Error reason = error_of(error);
  server.release();
  answer(reason);
}

void Inquiry::on_server_lost(Server&, Bytes error) {
  server_ = nullptr;
  answer(error_of(error));
}

void Inquiry::fail(Bytes error) { answer(error_of(error)); }

void Inquiry::end() {
  if (Server* held = server_) return held->discard("the proxy ends");
  hub_.shared.broker.leave(pool_.record, ticket_);
  answer(Error{"57P01", "the proxy ends", {}, {}});
}

void Inquiry::expire() {
  if (server_) return server_->discard(request_.name + " took too long");
  answer(Error{"08006", request_.name + " got no server connection in time", {}, {}});
}

void Inquiry::answer(Result<std::vector<Row>> result) {
  wipe(received_.data(), received_.size());
  if (!result) hub_.log(LogLevel::warning, result.error().message + ": " + result.error().hint);
  Hub& hub = hub_;
  const Done done = std::move(done_);
  const Duration waited = waited_;
  hub.finish(*this);  // dies at the next sweep
  done(hub, std::move(result), waited);
}

}  // namespace heim::session
