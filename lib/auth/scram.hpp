// What both sides of SCRAM-SHA-256 share (RFC 5802, RFC 7677): attributes, signatures, channel
// binding.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/key.hpp"

namespace heim::auth::scram {

inline constexpr std::string_view mechanism = "SCRAM-SHA-256";
inline constexpr std::string_view mechanism_plus = "SCRAM-SHA-256-PLUS";
inline constexpr std::string_view binding_type = "tls-server-end-point";
/// Random bytes of a nonce, before base64.
inline constexpr std::size_t nonce_size = 18;

/// 08P01 with this detail.
Error malformed(std::string detail);

/// One `name=value` of a message.
struct Attribute {
  char name = 0;
  std::string_view value;  // borrowed from the message
};

/// Takes the attributes of a message off its front, one by one.
class Attributes {
 public:
  explicit Attributes(std::string_view message) : message_(message) {}
  bool done() const { return at_ >= message_.size(); }
  /// Where the next attribute starts.
  std::size_t position() const { return at_; }
  /// nullopt (and nothing is taken) unless a letter, '=' and a value up to a comma or the end stand
  /// here.
  std::optional<Attribute> next();
  /// The value if the next attribute has this name; else nullopt, and nothing is taken.
  std::optional<std::string_view> next(char name);

 private:
  std::string_view message_;
  std::size_t at_ = 0;
};

/// True for a non-empty text of printable ASCII without commas.
bool is_nonce(std::string_view text);

/// A base64 value of exactly 32 bytes.
std::optional<crypto::Digest> read_digest(std::string_view base64);

/// The header of a client's first message that binds to a certificate: "p=tls-server-end-point,,".
std::string binding_header();

/// The AuthMessage both sides sign.
std::string auth_message(std::string_view client_first_bare, std::string_view server_first,
                         std::string_view client_final_without_proof);

}  // namespace heim::auth::scram
