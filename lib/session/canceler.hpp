// A cancel request to a server, on a connection of its own. It is over when the server closes that
// connection: from then on the signal cannot hit a later statement.
#pragma once
#include <functional>
#include <string>

#include "base/clock.hpp"
#include "base/stream.hpp"

namespace heim::session {

class Hub;
class Server;

class Canceler final : public StreamHandler {
 public:
  /// `done(in_time)` runs once; `in_time` false: the request may still arrive.
  using Done = std::function<void(bool in_time)>;
  Canceler(Hub& hub, std::uint64_t id, const Server& server, Done done);
  ~Canceler() override;

  void start(const Target& target);
  void on_connected(Stream& stream) override;
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_tls(Stream& stream, const TlsInfo& info) override;
  void on_end(Stream& stream, const StreamEnd& end) override;
  void expire(Instant now);

 private:
  void send();
  void finish(bool in_time);

  Hub& hub_;
  const std::uint64_t id_;
  const bool tls_;
  const std::string host_;
  std::string packet_;
  Stream* stream_ = nullptr;
  bool sent_ = false;
  Instant started_;
  Done done_;
};

}  // namespace heim::session
