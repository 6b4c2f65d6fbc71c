// A connection that streams a database's commits from its primary: logical replication over a slot
// that ends with the connection.
#pragma once
#include <optional>
#include <string>

#include "control/link.hpp"
#include "freshness/changes.hpp"
#include "io/loop.hpp"

namespace heim::control {

class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  /// All that is committed from there on will come.
  virtual void on_stream_begins(std::uint64_t lsn) = 0;
  virtual void on_stream_commit(freshness::Commit commit) = 0;
  /// Everything up to there has come.
  virtual void on_stream_reached(std::uint64_t lsn) = 0;
  /// It is over; to be destroyed outside this call.
  virtual void on_stream_lost(const cluster::Trouble& why) = 0;
};

/// Lives on the loop's thread.
class Stream final : LinkOwner {
 public:
  Stream(io::Loop& loop, StreamOwner& owner, std::string publication);
  void connect(const Conninfo& info);

  bool streams() const { return streams_; }
  /// Asks the server how far it has come, and tells it that what came is done with.
  void ask_position();
  /// When anything was heard last.
  Instant heard() const { return heard_; }

 private:
  void on_link_ready() override;
  void on_link_rows(const Rows& rows) override;
  void on_link_lost(const cluster::Trouble& why) override;
  void on_link_streams() override;
  void on_link_data(Bytes data) override;
  void on_keepalive(Bytes body);
  void reply(bool ask);
  void fail(std::string why);

  io::Loop& loop_;
  StreamOwner& owner_;
  const std::string publication_, slot_;
  Link link_;
  Question question_;  // under way
  freshness::Changes changes_;
  std::uint64_t begins_ = 0, reached_ = 0;
  Instant heard_{};
  bool streams_ = false, failed_ = false;
};

}  // namespace heim::control
