#include "session/prompter.hpp"

#include <algorithm>

#include "session/hub.hpp"
#include "wire/encoder.hpp"
#include "wire/messages.hpp"

namespace heim::session {
namespace {

constexpr std::size_t longest_error = 4096;

std::string startup_of(const Asker& asker) {
  std::string body;
  const auto put = [&](std::string_view name, std::string_view value) {
    ((body += name) += '\0') += value;
    body += '\0';
  };
  put("user", asker.user);
  put("database", asker.database);
  put("application_name", "heimproxy cache");
  for (const auto& [name, value] : asker.settings) put(name, value);
  body += '\0';
  std::string startup;
  wire::startup(startup, wire::version_3_0, body);
  return startup;
}

}  // namespace

Prompter::Prompter(Hub& hub, const Asker& asker, Purpose purpose, std::function<void(Hub&)> stirred)
    : hub_(hub), purpose_(purpose), stirred_(std::move(stirred)) {
  hub.accept(*this);
  const std::string startup = startup_of(asker);
  handler_->on_bytes(*this, as_bytes(startup));
}

Prompter::~Prompter() {
  stirred_ = nullptr;
  if (handler_) handler_->on_end(*this, {});
}

Client* Prompter::client() const { return static_cast<Client*>(handler_); }

void Prompter::ask(std::string_view batch) {
  state_ = State::busy;
  sqlstate_.clear();
  handler_->on_bytes(*this, as_bytes(batch));
}

void Prompter::write(std::span<const Bytes> segments) {
  for (const Bytes segment : segments) read(segment);
}

void Prompter::close(Duration) {
  handler_ = nullptr;
  become(State::ended);
}

// Of all that comes, the ends of answers and errors count.
void Prompter::read(Bytes bytes) {
  while (!bytes.empty()) {
    if (header_.size() < wire::header_size) {
      const std::size_t part = std::min(wire::header_size - header_.size(), bytes.size());
      header_ += as_text(bytes.first(part));
      bytes = bytes.subspan(part);
      if (header_.size() < wire::header_size) return;
      begin_message();
    }
    const Bytes part = bytes.first(std::min<std::size_t>(left_, bytes.size()));
    if (header_[0] == 'E' && error_.size() < longest_error) error_ += as_text(part);
    bytes = bytes.subspan(part.size());
    left_ -= static_cast<std::uint32_t>(part.size());
    if (left_ == 0) end_message();
  }
}

void Prompter::begin_message() {
  left_ = load_be32(as_bytes(header_).subspan(1).data()) - 4;
  error_.clear();
}

void Prompter::end_message() {
  const char tag = header_[0];
  header_.clear();
  if (tag == 'E') sqlstate_ = wire::read_error(as_bytes(error_)).sqlstate;
  if (tag == 'Z') become(State::ready);
}

void Prompter::become(State state) {
  state_ = state;
  if (stirred_) hub_.shared.fabric->post(hub_.worker, stirred_);
}

}  // namespace heim::session
