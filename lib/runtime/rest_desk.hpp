// REST's counter: what HTTP asks of the engine.
#pragma once
#include "admin/rest.hpp"

namespace heim::runtime {

class Engine;

class RestDesk final : public admin::RestDesk {
 public:
  /// How long a worker is waited for.
  static constexpr Duration limit = std::chrono::seconds(5);

  explicit RestDesk(Engine& engine) : engine_(engine) {}
  bool is_ready() const override;
  Result<void> run(const admin::Command& command) override;

 private:
  Engine& engine_;
};

}  // namespace heim::runtime
