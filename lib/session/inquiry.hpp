// A statement of our own: auth_query, asked through a pooled connection of auth_user.
#pragma once
#include <optional>
#include <string>

#include "session/client.hpp"
#include "session/server.hpp"

namespace heim::session {

class Inquiry final : public Holder {
 public:
  /// Asks `query` with `user` as its parameter; Client::on_secret() of `client` gets the answer.
  static void start(Hub& hub, const DatabaseView& database, const std::string& query,
                    const std::string& user, pool::SessionId client);
  Inquiry(Hub& hub, Pool& pool, std::string query, std::string user, pool::SessionId client);
  ~Inquiry() override;

  void link(Server& server);
  void fail(Bytes error);
  pool::SessionId id() const { return ticket_.session; }
  bool waits_for(const Pool& pool) const { return &pool_ == &pool && !server_; }
  Instant started() const { return ticket_.since; }
  /// The proxy ends.
  void end();
  /// No answer in time.
  void expire();

  void deliver(Out& out) override;
  void on_ready(Server& server, char tx) override;
  void on_sync_failed(Server& server, Bytes error) override;
  void on_server_lost(Server& server, Bytes error) override;

 private:
  void join();
  void read(Bytes message);
  void answer(Result<std::optional<auth::StoredSecret>> result);

  Hub& hub_;
  Pool& pool_;
  const std::string query_;
  const std::string user_;
  const pool::SessionId client_;
  pool::Ticket ticket_;
  Server* server_ = nullptr;
  std::string received_;
  std::optional<auth::StoredSecret> found_;
  std::optional<Error> error_;
};

}  // namespace heim::session
