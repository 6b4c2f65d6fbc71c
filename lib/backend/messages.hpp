// Backends at message level: a handler gets the engine's messages and answers with a server's.
// What it must not say is not passed on.
#pragma once
#include <memory>
#include <mutex>

#include "backend/backend.hpp"

namespace heim::backend {

/// What a program implements. Called as a Connection is.
class MessageHandler {
 public:
  virtual ~MessageHandler() = default;
  virtual void on_message(Reply reply, std::uint8_t tag, Bytes body) = 0;
  virtual void cancel() = 0;
  virtual void close() = 0;
};

/// One name for all answers that the engine is owed at a time: they are one client's. It is over
/// with the last ReadyForQuery.
class MessageConnection final : public Connection {
 public:
  MessageConnection(Link& link, std::unique_ptr<MessageHandler> handler);

  void on_message(std::uint8_t tag, Bytes body) override;
  void cancel() override { handler_->cancel(); }
  void close() override { handler_->close(); }

  /// [any thread] Whole messages. `malformed`: the engine is told, and the connection ends.
  Said send(std::uint64_t number, Bytes messages);

 private:
  bool look_at(Bytes messages);

  Link& link_;
  const std::unique_ptr<MessageHandler> handler_;
  std::mutex mutex_;
  Reply reply_{};
  std::uint32_t owed_ = 0;  // ReadyForQuery
  bool broken_ = false;     // nobody hears of it any more
};

}  // namespace heim::backend
