// The messages of protocol version 3, one line each: the table that framer, encoder and fuzzer
// share.
//
// Source: PostgreSQL documentation, "Frontend/Backend Protocol", chapters "Message Formats" and
// "Message Flow".
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace heim::wire {

/// Who sends it.
enum class Origin : std::uint8_t { client = 1, server = 2, both = 3 };

/// What a session does with a message of this kind; see session/pipeline.
enum class Flow : std::uint8_t {
  request,  // a request that will be answered
  reply,    // an answer, in order
  async,    // may come at any time, belongs to no request
  stream,   // part of a COPY
  control,  // neither asks nor answers: Flush, Terminate
  auth,     // only during login
};

/// One message. `body` describes the fields: s string, 1/2/4 integers of that many bytes, b the
/// rest of the body, v a value of a 4-byte length and bytes with -1 as null, p a 2-byte count of
/// such values, c a 2-byte count of 2-byte codes, o a 2-byte count of 4-byte ids, e error fields
/// (byte, string)* and a zero, r a 2-byte count of row description fields, n a 4-byte count of
/// strings.
struct Message {
  char tag;
  Origin origin;
  std::string_view name;
  std::string_view body;
  Flow flow;
  std::uint32_t max_body;  // more than this is a protocol error before the body is read
};

inline constexpr std::uint32_t huge = 0x3fffffff;   // PostgreSQL's MaxAllocSize: 1 GiB - 1
inline constexpr std::uint32_t medium = 30000;      // PostgreSQL's PQ_SMALL_MESSAGE_LIMIT is 10000
inline constexpr std::uint32_t auth_limit = 65535;  // PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH

inline constexpr Message messages[] = {
    {'B', Origin::client, "Bind", "sscpc", Flow::request, huge},
    {'C', Origin::client, "Close", "1s", Flow::request, medium},
    {'D', Origin::client, "Describe", "1s", Flow::request, medium},
    {'E', Origin::client, "Execute", "s4", Flow::request, medium},
    {'F', Origin::client, "FunctionCall", "4cp2", Flow::request, huge},
    {'H', Origin::client, "Flush", "", Flow::control, 0},
    {'P', Origin::client, "Parse", "sso", Flow::request, huge},
    {'Q', Origin::client, "Query", "s", Flow::request, huge},
    {'S', Origin::client, "Sync", "", Flow::request, 0},
    {'X', Origin::client, "Terminate", "", Flow::control, 0},
    {'f', Origin::client, "CopyFail", "s", Flow::stream, medium},
    {'p', Origin::client, "PasswordMessage", "b", Flow::auth, auth_limit},
    {'c', Origin::both, "CopyDone", "", Flow::stream, 0},
    {'d', Origin::both, "CopyData", "b", Flow::stream, huge},
    {'1', Origin::server, "ParseComplete", "", Flow::reply, 0},
    {'2', Origin::server, "BindComplete", "", Flow::reply, 0},
    {'3', Origin::server, "CloseComplete", "", Flow::reply, 0},
    {'A', Origin::server, "NotificationResponse", "4ss", Flow::async, medium},
    {'C', Origin::server, "CommandComplete", "s", Flow::reply, medium},
    {'D', Origin::server, "DataRow", "p", Flow::reply, huge},
    {'E', Origin::server, "ErrorResponse", "e", Flow::reply, huge},
    {'G', Origin::server, "CopyInResponse", "1c", Flow::reply, huge},
    {'H', Origin::server, "CopyOutResponse", "1c", Flow::reply, huge},
    {'I', Origin::server, "EmptyQueryResponse", "", Flow::reply, 0},
    {'K', Origin::server, "BackendKeyData", "4b", Flow::auth, 260},
    {'N', Origin::server, "NoticeResponse", "e", Flow::async, huge},
    {'R', Origin::server, "Authentication", "4b", Flow::auth, auth_limit},
    {'S', Origin::server, "ParameterStatus", "ss", Flow::async, huge},
    {'T', Origin::server, "RowDescription", "r", Flow::reply, huge},
    {'V', Origin::server, "FunctionCallResponse", "v", Flow::reply, huge},
    {'W', Origin::server, "CopyBothResponse", "1c", Flow::reply, huge},
    {'Z', Origin::server, "ReadyForQuery", "1", Flow::reply, 1},
    {'n', Origin::server, "NoData", "", Flow::reply, 0},
    {'s', Origin::server, "PortalSuspended", "", Flow::reply, 0},
    {'t', Origin::server, "ParameterDescription", "o", Flow::reply, huge},
    {'v', Origin::server, "NegotiateProtocolVersion", "4n", Flow::auth, medium},
};

namespace detail {
constexpr std::array<const Message*, 256> index(Origin side) {
  std::array<const Message*, 256> table{};
  for (const Message& message : messages) {
    if ((static_cast<int>(message.origin) & static_cast<int>(side)) == 0) continue;
    auto& slot = table[static_cast<unsigned char>(message.tag)];
    if (slot) throw "a tag stands twice for one side";
    slot = &message;
  }
  return table;
}
inline constexpr auto client_index = index(Origin::client);
inline constexpr auto server_index = index(Origin::server);
}  // namespace detail

/// The message with this tag when sent by `side` (client or server); null if there is none.
constexpr const Message* find(Origin side, std::uint8_t tag) {
  return side == Origin::client ? detail::client_index[tag] : detail::server_index[tag];
}

/// Codes that stand where a startup packet has its version.
inline constexpr std::uint32_t version_3_0 = 0x00030000;
inline constexpr std::uint32_t version_3_2 = 0x00030002;
inline constexpr std::uint32_t cancel_request = 80877102;
inline constexpr std::uint32_t ssl_request = 80877103;
inline constexpr std::uint32_t gssenc_request = 80877104;
/// Of what follows the length word; PostgreSQL's MAX_STARTUP_PACKET_LENGTH.
inline constexpr std::uint32_t max_startup_length = 10000;

}  // namespace heim::wire
