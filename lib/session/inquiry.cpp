#include "session/inquiry.hpp"

#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

Error error_of(Bytes raw) {
  if (raw.size() <= wire::header_size)
    return {"08006", "auth_query: the server connection was lost", {}, {}};
  const wire::ErrorView view = wire::read_error(raw.subspan(wire::header_size));
  return {"08006", "auth_query failed", {}, std::string(view.message)};
}

}  // namespace

void Inquiry::start(Hub& hub, const DatabaseView& database, const std::string& query,
                    const std::string& user, pool::SessionId client) {
  const config::Auth& auth = hub.settings().auth;
  DatabaseView where = auth.dbname.empty() ? database : hub.database(auth.dbname);
  where.user = auth.user;
  const auto choice = hub.choose(route::Wanted::primary);
  Pool* pool = choice ? hub.pool_for(where, auth.user, choice->node) : nullptr;
  if (!pool) {
    hub.find(client)->on_secret(Error{"08006", "auth_query has no primary to ask", {}, {}});
    return;
  }
  if (const auth::UserList::Entry* entry = hub.rules().users.find(auth.user)) {
    if (entry->secret.kind == auth::SecretKind::plain) {
      hub.shared.learn(where.name, auth.user, auth::Credentials::plain(entry->secret.text.view()));
    } else if (entry->secret.kind == auth::SecretKind::md5) {
      hub.shared.learn(where.name, auth.user, auth::Credentials::md5(entry->secret.text.view()));
    }
  }
  hub.add(std::make_unique<Inquiry>(hub, *pool, query, user, client)).join();
}

Inquiry::Inquiry(Hub& hub, Pool& pool, std::string query, std::string user, pool::SessionId client)
    : hub_(hub), pool_(pool), query_(std::move(query)), user_(std::move(user)), client_(client) {
  ticket_.worker = hub.worker;
  ticket_.session = hub.shared.next_id.fetch_add(1) << 31;
  ticket_.since = hub.now();
}

Inquiry::~Inquiry() { hub_.shared.broker.leave(pool_.record, ticket_); }

void Inquiry::join() {
  if (Server* idle = pool_.take_idle()) return link(*idle);
  hub_.follow(hub_.shared.broker.join(pool_.record, ticket_), pool_);
}

void Inquiry::link(Server& server) {
  server_ = &server;
  // Nobody's schema stands before pg_catalog in a statement of ours.
  const Settings pinned = hub_.setting_table.intern({{"search_path", "pg_catalog"}});
  server.take(*this, ticket_.session, 0, pinned, hub_.to_server);
  std::string out;
  wire::Writer(out, 'P').string({}).string(query_).u16(0);
  wire::Writer(out, 'B')
      .string({})
      .string({})
      .u16(0)
      .u16(1)
      .u32(static_cast<std::uint32_t>(user_.size()))
      .bytes(user_)
      .u16(0);
  wire::Writer(out, 'E').string({}).u32(1);
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
  received_.erase(0, done);
}

void Inquiry::read(Bytes message) {
  if (message[0] == 'E') error_ = error_of(message);
  if (message[0] != 'D' || found_) return;
  wire::Fields fields(message.subspan(wire::header_size));
  if (fields.u16() < 2) {
    error_ = Error{"08006", "auth_query must return a name and a secret", {}, {}};
    return;
  }
  const std::uint32_t name_size = fields.u32();
  if (name_size != 0xffffffff) fields.bytes(name_size);
  const std::uint32_t size = fields.u32();
  const Bytes secret = size == 0xffffffff ? Bytes{} : fields.bytes(size);
  if (fields.ok()) found_ = auth::StoredSecret::parse(as_text(secret));
}

void Inquiry::on_ready(Server& server, char) {
  server_ = nullptr;
  server.release();
  if (error_) return answer(*error_);
  answer(std::move(found_));
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
  if (server_) return server_->discard("auth_query took too long");
  answer(Error{"08006", "auth_query got no server connection in time", {}, {}});
}

void Inquiry::answer(Result<std::optional<auth::StoredSecret>> result) {
  wipe(received_.data(), received_.size());
  if (!result) hub_.log(LogLevel::warning, result.error().message + ": " + result.error().hint);
  const pool::SessionId client = client_;
  Hub& hub = hub_;
  hub.finish(*this);  // dies at the next sweep
  if (Client* asker = hub.find(client)) asker->on_secret(std::move(result));
}

}  // namespace heim::session
