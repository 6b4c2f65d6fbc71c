// The console's counter: conversations of clients with the whole engine.
#pragma once
#include "session/console.hpp"

namespace heim::runtime {

class Engine;

class Desk final : public session::ConsoleDesk {
 public:
  explicit Desk(Engine& engine) : engine_(engine) {}
  std::unique_ptr<session::ConsoleTalk> open(session::Client& client, bool admin) override;

 private:
  Engine& engine_;
};

}  // namespace heim::runtime
