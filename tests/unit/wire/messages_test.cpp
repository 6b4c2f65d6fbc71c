// The table against the list of messages in the protocol's documentation, written down here again.
#include "wire/messages.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "fuzz/message_body.hpp"

using namespace heim;
using wire::Flow;
using wire::Origin;

namespace {

struct Documented {
  char tag;
  const char* name;
};

// "F" and "F & B" of the chapter "Message Formats"; 'p' stands for all four kinds of it.
constexpr Documented by_client[] = {
    {'B', "Bind"},         {'C', "Close"},     {'D', "Describe"},        {'E', "Execute"},
    {'F', "FunctionCall"}, {'H', "Flush"},     {'P', "Parse"},           {'Q', "Query"},
    {'S', "Sync"},         {'X', "Terminate"}, {'p', "PasswordMessage"}, {'f', "CopyFail"},
    {'c', "CopyDone"},     {'d', "CopyData"},
};

// "B" and "F & B".
constexpr Documented by_server[] = {
    {'R', "Authentication"},
    {'K', "BackendKeyData"},
    {'2', "BindComplete"},
    {'3', "CloseComplete"},
    {'C', "CommandComplete"},
    {'d', "CopyData"},
    {'c', "CopyDone"},
    {'G', "CopyInResponse"},
    {'H', "CopyOutResponse"},
    {'W', "CopyBothResponse"},
    {'D', "DataRow"},
    {'I', "EmptyQueryResponse"},
    {'E', "ErrorResponse"},
    {'V', "FunctionCallResponse"},
    {'v', "NegotiateProtocolVersion"},
    {'n', "NoData"},
    {'N', "NoticeResponse"},
    {'A', "NotificationResponse"},
    {'t', "ParameterDescription"},
    {'S', "ParameterStatus"},
    {'1', "ParseComplete"},
    {'s', "PortalSuspended"},
    {'Z', "ReadyForQuery"},
    {'T', "RowDescription"},
};

template <std::size_t N>
bool holds_exactly(Origin side, const Documented (&list)[N]) {
  std::size_t found = 0;
  for (int tag = 0; tag < 256; ++tag) {
    if (wire::find(side, static_cast<std::uint8_t>(tag))) ++found;
  }
  for (const Documented& row : list) {
    const wire::Message* message = wire::find(side, static_cast<std::uint8_t>(row.tag));
    if (!message || message->name != row.name) return false;
  }
  return found == N;
}

const wire::Message& server_message(char tag) {
  return *wire::find(Origin::server, static_cast<std::uint8_t>(tag));
}

}  // namespace

TEST_CASE("the table holds what the protocol documents, and nothing else") {
  CHECK(holds_exactly(Origin::client, by_client));
  CHECK(holds_exactly(Origin::server, by_server));
}

TEST_CASE("each row of the table is found under its tag, by its side only") {
  for (const wire::Message& message : wire::messages) {
    CAPTURE(message.name);
    const auto tag = static_cast<std::uint8_t>(message.tag);
    CHECK((wire::find(Origin::client, tag) == &message) == (message.origin != Origin::server));
    CHECK((wire::find(Origin::server, tag) == &message) == (message.origin != Origin::client));
  }
}

TEST_CASE("bodies are described by known letters, and 'b' only at the end") {
  for (const wire::Message& message : wire::messages) {
    CAPTURE(message.name);
    CHECK(message.body.find_first_not_of(test::body_letters) == std::string_view::npos);
    const std::size_t rest = message.body.find('b');
    CHECK((rest == std::string_view::npos || rest + 1 == message.body.size()));
    CHECK((message.max_body == 0) == message.body.empty());
    CHECK(message.max_body <= wire::huge);
  }
}

TEST_CASE("what may come at any time is asynchronous, and nothing else") {
  std::set<std::string> asynchronous;
  for (const wire::Message& message : wire::messages) {
    if (message.flow == Flow::async) asynchronous.insert(std::string(message.name));
  }
  CHECK(asynchronous ==
        std::set<std::string>{"NoticeResponse", "NotificationResponse", "ParameterStatus"});
}

TEST_CASE("limits that peers rely on") {
  CHECK(server_message('Z').max_body == 1);
  CHECK(server_message('K').max_body == 4 + 256);  // the longest cancel key of protocol 3.2
  CHECK(server_message('D').max_body == 0x3fffffff);
  CHECK(wire::find(Origin::client, 'p')->max_body == 65535);
  CHECK(wire::find(Origin::client, 'Q')->max_body == 0x3fffffff);
}

TEST_CASE("a body made for each row fits its description; one byte less does not") {
  const std::string seed = "\3abc\2\7\1xyz\5hello\3\2\1\4abcd\6fields";
  for (const wire::Message& message : wire::messages) {
    CAPTURE(message.name);
    std::string out;
    test::Choices choices(as_bytes(seed));
    test::write_message(out, message, choices);
    const Bytes body = as_bytes(out).subspan(wire::header_size);
    CHECK(test::body_fits(message.body, body));
    const bool open_end = message.body.ends_with('b');
    if (!open_end && !body.empty()) {
      CHECK_FALSE(test::body_fits(message.body, body.first(body.size() - 1)));
    }
    out += 'x';
    CHECK(test::body_fits(message.body, as_bytes(out).subspan(wire::header_size)) == open_end);
  }
}
