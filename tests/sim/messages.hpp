// Takes the whole messages out of what has come in.
#pragma once
#include <string>

#include "wire/framer.hpp"

namespace heim::sim {

template <class Each>
void each_message(wire::Origin side, std::string& in, Each&& each) {
  wire::Header header;
  while (wire::peek(side, as_bytes(in), header) == wire::Peek::ok && in.size() >= header.total()) {
    const std::string frame = in.substr(0, header.total());
    in.erase(0, header.total());
    each(static_cast<char>(header.tag), frame);
  }
}

}  // namespace heim::sim
