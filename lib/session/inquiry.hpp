// A statement of our own, asked through a connection of a pool: auth_query, the catalog.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "session/client.hpp"
#include "session/server.hpp"

namespace heim::session {

class Inquiry final : public Holder {
 public:
  using Row = std::vector<std::optional<std::string>>;
  struct Request {
    std::string name;  // as errors and the log call it
    std::string sql;
    std::vector<std::string> parameters;
    std::uint32_t rows = 0;  // that are wanted at most; 0: all
  };
  /// Runs once, with how long it stood in line. An error's hint is what the server said.
  using Done = std::function<void(Hub&, Result<std::vector<Row>>, Duration waited)>;

  /// Waits in line for a connection of `pool` like any client.
  static void start(Hub& hub, Pool& pool, Request request, Done done);
  Inquiry(Hub& hub, Pool& pool, Request request, Done done);
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
  void answer(Result<std::vector<Row>> result);
  Error error_of(Bytes raw) const;

  Hub& hub_;
  Pool& pool_;
  const Request request_;
  Done done_;
  pool::Ticket ticket_;
  Server* server_ = nullptr;
  Duration waited_{};
  std::string received_;
  std::vector<Row> rows_;
  std::optional<Error> error_;
};

}  // namespace heim::session
