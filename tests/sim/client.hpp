// A simulated client: connects, says what its script says, and checks every answer with its oracle.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.hpp"
#include "oracle.hpp"
#include "profile.hpp"
#include "script.hpp"

namespace heim::sim {

struct ClientSettings {
  std::uint32_t number = 1;
  Target target;
  std::string user = "app", database = "app";
};

/// Sends one CancelRequest and goes away.
class CancelCall final : public StreamHandler {
 public:
  CancelCall(Host& host, const Target& target, std::string packet);
  void on_connected(Stream& stream) override;
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_end(Stream& stream, const StreamEnd& end) override;

 private:
  std::string packet_;
};

class Client final : public StreamHandler {
 public:
  Client(Network& network, Random random, const Profile& profile, ClientSettings settings);

  void start();
  bool done() const { return phase_ == Phase::done; }
  std::uint64_t units_answered() const { return readies_; }
  std::uint32_t lives() const { return lives_; }
  std::string describe() const;

  void on_connected(Stream& stream) override;
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_tls(Stream& stream, const TlsInfo& info) override;
  void on_end(Stream& stream, const StreamEnd& end) override;

 private:
  enum class Phase { away, connecting, asking_tls, login, talking, leaving, done };
  void send_startup();
  void send(const Burst& burst);
  void read_messages();
  void on_message(char tag, std::string_view body);
  void on_login_message(char tag, std::string_view body);
  void begin_talk();
  void speak();
  void begin_unit();
  void end_unit();
  void think();
  void after_some(Duration low, Duration high, std::string_view what, void (Client::*then)());
  void vanish();
  void read_slowly();
  void send_cancel();
  void leave();
  void life_over(bool with_cause);
  void complain(const std::string& what);
  void trace(const std::string& text) const;

  Network& network_;
  Random random_;
  const Profile& profile_;
  ClientSettings settings_;
  std::string name_;
  Script script_;
  std::optional<Oracle> oracle_;
  Endpoint* stream_ = nullptr;
  Phase phase_ = Phase::away;
  std::string in_;
  std::vector<std::pair<std::string, std::string>> startup_;
  std::map<std::string, std::string> greeted_;  // parameters told during login
  std::uint32_t pid_ = 0;
  std::string secret_;
  Unit unit_;
  std::size_t next_burst_ = 0;
  std::uint32_t units_left_, lives_ = 0;
  std::uint64_t readies_ = 0;
  bool thinking_ = false;
  std::vector<std::unique_ptr<CancelCall>> cancels_;
};

}  // namespace heim::sim
