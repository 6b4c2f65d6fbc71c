// One server process: a connection's login, and its session in virtual time.
#pragma once
#include <string>

#include "endpoint.hpp"
#include "session.hpp"
#include "wire/startup.hpp"

namespace heim::sim {

class Server;

class Backend final : public StreamHandler, public SessionHost {
 public:
  Backend(Server& server, Endpoint& stream, std::uint64_t id);

  /// A CancelRequest for this process has arrived.
  void cancel();
  /// pg_terminate_backend(), or a shutdown: FATAL, then the end.
  void terminate(std::string_view sqlstate, const std::string& message);
  /// The process dies without a word.
  void crash();
  void notify(const std::string& channel, const std::string& payload);
  /// The server goes on after a freeze.
  void thaw();
  /// A standby may have what this process waits for before it says that it has committed.
  void release();
  void set_in_recovery(bool on) {
    if (session_) session_->set_in_recovery(on);
  }

  bool gone() const { return phase_ == Phase::gone; }
  bool in_session() const { return phase_ == Phase::session; }
  std::uint32_t pid() const { return static_cast<std::uint32_t>(id_); }
  const std::string& secret() const { return secret_; }
  /// "database/user", once it is known.
  const std::string& pool() const { return pool_; }
  std::string database() const { return pool_.substr(0, pool_.find('/')); }
  const Session* session() const { return session_ ? &*session_ : nullptr; }
  /// Whoever connected has not closed its end.
  bool held_by_peer() const { return stream_ && stream_->peer() && !stream_->peer()->closed(); }
  std::string describe() const;

  // StreamHandler
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_tls(Stream& stream, const TlsInfo& info) override;
  void on_drained(Stream& stream) override;
  void on_end(Stream& stream, const StreamEnd& end) override;

 private:
  enum class Phase { startup, forking, session, gone };

  // SessionHost
  void on_started(const Statement& statement, const std::string& tag, std::uint64_t block) override;
  void on_block_begun(const std::string& tag, std::uint64_t block) override;
  void on_cancelled(const std::string& tag) override;
  void on_commit(const std::vector<Write>& writes) override;
  std::string read(const std::string& key) override;
  bool read_only() override;
  void on_refused(const std::string& tag) override;
  Snapshot take_snapshot() override;
  std::string newest(const std::string& table, Snapshot snapshot) override;
  bool conflicts() override;
  std::string wal_position(const std::string& function) override;
  std::uint64_t schema() override;
  void alter() override;
  void listen(const std::string& channel, bool on) override;
  void notify_all(const std::string& channel, const std::string& payload) override;

  void read_startup();
  void on_packet(const wire::StartupPacket& packet);
  void begin_session(const wire::StartupPacket& packet);
  void greet();
  void refuse(std::string_view sqlstate, const std::string& message);
  void read_messages();
  void wake(Duration delay);
  void step();
  void flush();
  void exit();
  bool blocked() const { return stream_ && stream_->backlog() > 0; }
  bool waits_for_standby() const;

  Server& server_;
  Endpoint* stream_;
  std::uint64_t id_;
  std::string secret_, pool_;
  Phase phase_ = Phase::startup;
  std::string in_, out_;
  std::optional<Session> session_;
  std::set<std::string> channels_;
  bool awake_ = false;  // a step is scheduled
  bool eof_ = false;
  bool paused_ = false;
  bool greet_due_ = false;
  std::uint64_t committed_ = 0;  // the end of the last commit here
};

}  // namespace heim::sim
