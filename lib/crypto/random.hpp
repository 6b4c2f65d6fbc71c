// Where unpredictable bytes come from. An interface, so that tests and the simulator are
// repeatable.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace heim::crypto {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::uint8_t* out, std::size_t size) = 0;
  /// `size` bytes as a string.
  std::string bytes(std::size_t size) {
    std::string out(size, '\0');
    fill(reinterpret_cast<std::uint8_t*>(out.data()), size);
    return out;
  }
};

/// OpenSSL's generator. [any thread]. Throws std::runtime_error if the system gives no entropy:
/// going on with guessable nonces or cancel keys would be worse.
class SystemRandom final : public Random {
 public:
  void fill(std::uint8_t* out, std::size_t size) override;
};

/// Serves small requests from a larger one: the system's generator costs the same for four bytes
/// and for five hundred, and every login asks. What was given out is wiped. One a thread.
class RandomSupply final : public Random {
 public:
  explicit RandomSupply(Random& source) : source_(source) {}
  ~RandomSupply() override;
  RandomSupply(const RandomSupply&) = delete;
  RandomSupply& operator=(const RandomSupply&) = delete;
  void fill(std::uint8_t* out, std::size_t size) override;

 private:
  Random& source_;
  std::array<std::uint8_t, 512> bytes_{};
  std::size_t left_ = 0;
};

}  // namespace heim::crypto
