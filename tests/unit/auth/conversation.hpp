// Lets a ClientLogin and a ServerLogin talk to each other, and plays single parts of such a talk.
#pragma once
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "auth/client_login.hpp"
#include "auth/server_login.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::auth::test {

/// The same bytes in every run.
class FixedRandom final : public crypto::Random {
 public:
  explicit FixedRandom(std::uint32_t seed = 1) : state_(seed) {}
  void fill(std::uint8_t* out, std::size_t size) override {
    for (std::size_t i = 0; i < size; ++i) {
      state_ = state_ * 1664525 + 1013904223;
      out[i] = static_cast<std::uint8_t>(state_ >> 24);
    }
  }

 private:
  std::uint32_t state_;
};

/// The bodies of the messages in `bytes`; every one must have this tag.
inline std::vector<std::string> bodies(const std::string& bytes, char tag) {
  std::vector<std::string> found;
  Bytes rest = as_bytes(bytes);
  while (!rest.empty()) {
    wire::Header header;
    const auto side = tag == 'p' ? wire::Origin::client : wire::Origin::server;
    REQUIRE(wire::peek(side, rest, header) == wire::Peek::ok);
    REQUIRE(header.tag == static_cast<std::uint8_t>(tag));
    REQUIRE(rest.size() >= header.total());
    found.emplace_back(as_text(rest.subspan(wire::header_size, header.body)));
    rest = rest.subspan(header.total());
  }
  return found;
}

/// The only message in `bytes`.
inline std::string body(const std::string& bytes, char tag) {
  const auto all = bodies(bytes, tag);
  REQUIRE(all.size() == 1);
  return all[0];
}

/// An Authentication message's body.
inline std::string authentication(std::uint32_t code, std::string_view rest = {}) {
  std::string out;
  wire::authentication(out, code, rest);
  return out.substr(wire::header_size);
}

/// A SASLInitialResponse's body.
inline std::string initial(std::string_view mechanism, std::string_view response) {
  std::string out;
  wire::Writer(out, 'p')
      .string(mechanism)
      .u32(static_cast<std::uint32_t>(response.size()))
      .bytes(response);
  return out.substr(wire::header_size);
}

struct Outcome {
  Progress client = Progress::more;  // as the ClientLogin judged
  Progress server = Progress::more;  // as the ServerLogin judged
  std::optional<Error> client_error, server_error;
  std::vector<std::string> to_client, to_server;  // message bodies
};

/// Drives both to the end.
inline Outcome converse(ClientLogin& judge, ServerLogin& applicant) {
  Outcome outcome;
  Step said = judge.start();
  for (;;) {
    outcome.client = said.progress;
    outcome.client_error = said.error;
    std::string answer;
    for (const std::string& message : bodies(said.bytes, 'R')) {
      outcome.to_client.push_back(message);
      Step step = applicant.on_authentication(as_bytes(message));
      outcome.server = step.progress;
      outcome.server_error = step.error;
      if (step.progress != Progress::more) return outcome;
      answer += step.bytes;
    }
    if (said.progress == Progress::failed) return outcome;
    if (said.progress == Progress::ok) break;
    const std::string response = body(answer, 'p');
    outcome.to_server.push_back(response);
    said = judge.on_password(as_bytes(response));
  }
  outcome.server = applicant.on_authentication(as_bytes(authentication(0))).progress;
  return outcome;
}

inline const std::string process_key = "a secret of the process";

/// A login of "alice" with this stored secret.
inline ClientLoginInput login_input(Method method, std::string_view secret) {
  ClientLoginInput input;
  input.method = method;
  input.user = "alice";
  input.secret = StoredSecret::parse(secret);
  input.process_key = process_key;
  return input;
}

inline ServerLoginInput applicant_input(Credentials credentials) {
  ServerLoginInput input;
  input.user = "alice";
  input.credentials = std::move(credentials);
  return input;
}

/// A verifier as text, cheap to derive.
inline std::string verifier_text(std::string_view password, std::uint32_t iterations = 7) {
  return ScramVerifier::derive(password, "0123456789abcdef", iterations).to_string();
}

}  // namespace heim::auth::test
