// Invariant: whoever does not know the password cannot get a login accepted, in either role, and no
// message makes a parser read past its end. Concretely, by the first byte of the input:
//   0  foreign bytes as a client's messages: never ok; what fails sends nothing; nothing is
//   recovered. 1  foreign bytes as a server's messages: ok only if the server asked for no SCRAM
//   proof. 2  a right conversation with some bytes changed: ok on both sides exactly if nothing
//   changed. 3  foreign bytes as a stored secret: a verifier that is accepted is written and read
//   back the same.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/client_login.hpp"
#include "auth/server_login.hpp"
#include "wire/framer.hpp"

using namespace heim;
using namespace heim::auth;

namespace {

class FixedRandom final : public crypto::Random {
 public:
  void fill(std::uint8_t* out, std::size_t size) override {
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(37 * ++count_);
  }

 private:
  std::size_t count_ = 0;
};

void require(bool condition) {
  if (!condition) std::abort();
}

const std::string endpoint = "endpoint";

const StoredSecret& verifier() {
  static const StoredSecret secret =
      StoredSecret::parse(ScramVerifier::derive("unguessable", "saltsaltsaltsalt", 1).to_string());
  return secret;
}

ClientLoginInput judge_input(std::uint8_t options) {
  static constexpr Method methods[] = {Method::scram_sha_256, Method::scram_sha_256,
                                       Method::password, Method::md5};
  ClientLoginInput input;
  input.method = methods[options & 3];
  input.user = "alice";
  if (!(options & 4)) input.secret = verifier();
  input.is_tls = options & 8;
  if (options & 16) input.endpoint_hash = endpoint;
  input.usual.iterations = 1;
  return input;
}

/// Cuts the next chunk off: one byte of length (0 means all the rest), then that many bytes.
Bytes take_chunk(Bytes& rest) {
  const std::size_t asked = rest[0];
  rest = rest.subspan(1);
  const std::size_t size = asked == 0 ? rest.size() : std::min(asked, rest.size());
  const Bytes chunk = rest.first(size);
  rest = rest.subspan(size);
  return chunk;
}

void attack_as_client(std::uint8_t options, Bytes rest) {
  FixedRandom random;
  ClientLogin login(judge_input(options), random);
  Step step = login.start();
  while (step.progress == Progress::more && !rest.empty()) {
    step = login.on_password(take_chunk(rest));
    require(step.progress != Progress::ok);
    require(step.progress == Progress::more || step.bytes.empty());
    require(step.progress == Progress::failed || !step.error);
  }
  require(login.recovered().kind == CredentialKind::none);
}

void attack_as_server(std::uint8_t options, Bytes rest) {
  FixedRandom random;
  ServerLoginInput input;
  input.user = "alice";
  if (options & 1) input.credentials = Credentials::plain("unguessable");
  if (options & 2) input.credentials = Credentials::scram(ScramKeys::derive("unguessable", "s", 1));
  input.is_tls = options & 4;
  if (options & 8) input.endpoint_hash = endpoint;
  ServerLogin login(std::move(input), random);
  bool scram = false;
  while (!rest.empty() && login.rounds() < 100'000) {
    const Bytes chunk = take_chunk(rest);
    const Step step = login.on_authentication(chunk);
    if (step.progress == Progress::ok) return require(!scram);
    if (step.progress == Progress::failed) return require(step.error && step.bytes.empty());
    scram |= load_be32(chunk.data()) == 10;
  }
}

/// The body of the one message in `bytes`.
std::string body_of(const std::string& bytes) {
  return bytes.substr(std::min(bytes.size(), wire::header_size));
}

/// Changes bytes of a right conversation: (which message, where, with what) in threes.
class Tamperer {
 public:
  explicit Tamperer(Bytes edits) : edits_(edits) {}
  /// Leaves the first `keep` bytes: a code that asks for another method is not a SCRAM matter.
  void pass(std::string& message, std::size_t keep) {
    const std::string before = message;
    for (std::size_t at = 0; at + 3 <= edits_.size(); at += 3) {
      if (edits_[at] % 4 != number_ || message.size() <= keep) continue;
      char& target = message[keep + edits_[at + 1] % (message.size() - keep)];
      target = static_cast<char>(target ^ edits_[at + 2]);
    }
    ++number_;
    changed_ |= message != before;
  }
  bool changed() const { return changed_; }

 private:
  Bytes edits_;
  unsigned number_ = 0;
  bool changed_ = false;
};

void tamper(std::uint8_t options, Bytes edits) {
  FixedRandom random, other;
  ClientLogin judge(judge_input(static_cast<std::uint8_t>(options & 24)), random);
  ServerLoginInput input;
  input.user = "alice";
  input.credentials = Credentials::plain("unguessable");
  input.is_tls = options & 8;
  input.endpoint_hash = endpoint;
  ServerLogin applicant(std::move(input), other);
  Tamperer tamperer(edits);
  Step said = judge.start();
  for (int trips = 0;; ++trips) {
    std::string to_client = body_of(said.bytes);
    // The offer may lose or gain mechanisms unseen; what follows it may not change at all.
    if (trips > 0) tamperer.pass(to_client, 4);
    const Step answer = applicant.on_authentication(as_bytes(to_client));
    if (answer.progress == Progress::failed) break;
    if (said.progress == Progress::ok) return require(!tamperer.changed());
    std::string to_server = body_of(answer.bytes);
    tamperer.pass(to_server, 0);
    said = judge.on_password(as_bytes(to_server));
    if (said.progress == Progress::failed) break;
  }
  require(tamperer.changed());
}

void parse_secret(std::string_view text) {
  const StoredSecret secret = StoredSecret::parse(text);
  if (secret.kind != SecretKind::scram) return require(!secret.scram);
  const std::string written = secret.scram->to_string();
  const auto again = ScramVerifier::parse(written);
  require(again && again->to_string() == written);
  require(again->iterations >= 1 && again->iterations <= max_iterations);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes rest(data + 2, size - 2);
  switch (data[0] % 4) {
    case 0:
      attack_as_client(data[1], rest);
      break;
    case 1:
      attack_as_server(data[1], rest);
      break;
    case 2:
      tamper(data[1], rest);
      break;
    default:
      parse_secret(as_text(rest));
  }
  return 0;
}
