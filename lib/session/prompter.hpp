// A session of the proxy's own: it asks what clients have asked, so that the cache has the answers.
// To the engine it is a client of this process like any other; what it is answered, nobody reads.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/stream.hpp"
#include "session/question.hpp"

namespace heim::session {

class Client;
class Hub;

class Prompter final : public Stream {
 public:
  enum class State : std::uint8_t { busy, ready, ended };
  enum class Purpose : std::uint8_t { none, refill, prefetch };
  /// Logs in. `stirred` is called when the state has changed, and not from within the engine's
  /// calls: it may end the prompter.
  Prompter(Hub& hub, const Asker& asker, Purpose purpose, std::function<void(Hub&)> stirred);
  ~Prompter() override;
  Prompter(const Prompter&) = delete;
  Prompter& operator=(const Prompter&) = delete;

  State state() const { return state_; }
  /// Its session, until it has ended.
  Client* client() const;
  /// Of the last error; empty: there was none since it was ready.
  const std::string& sqlstate() const { return sqlstate_; }
  /// While it is ready.
  void ask(std::string_view batch);

  // ---- Stream: the engine's side
  void write(std::span<const Bytes> segments) override;
  std::size_t backlog() const override { return 0; }
  void pause() override {}
  void resume() override {}
  void start_tls_server(Bytes) override {}
  void start_tls_client(const std::string&, SslMode) override {}
  void close(Duration linger) override;
  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void detach() override {}
  std::string peer_name() const override { return "the cache"; }
  std::string local_name() const override { return "in-process"; }
  bool is_unix() const override { return true; }
  bool is_loopback() const override { return false; }
  bool is_tls() const override { return false; }
  bool is_own_process() const override { return true; }
  std::uint8_t purpose() const override { return static_cast<std::uint8_t>(purpose_); }

 private:
  void read(Bytes bytes);
  void begin_message();
  void end_message();
  void become(State state);

  Hub& hub_;
  const Purpose purpose_;
  std::function<void(Hub&)> stirred_;
  StreamHandler* handler_ = nullptr;
  State state_ = State::busy;
  std::string header_;      // of the message that comes
  std::uint32_t left_ = 0;  // of its body
  std::string error_, sqlstate_;
};

}  // namespace heim::session
