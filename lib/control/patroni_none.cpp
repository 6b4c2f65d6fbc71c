// Without libcurl.
#include "control/patroni.hpp"

namespace heim::control {

struct PatroniPoll::State {};

bool PatroniPoll::available() { return false; }

PatroniPoll::PatroniPoll(std::vector<std::string>, Duration, Duration, Heard) {}

PatroniPoll::~PatroniPoll() = default;

}  // namespace heim::control
