// Where somebody would like a read to go.
#pragma once
#include "config/wish.hpp"

namespace heim::route {

using config::parse_wish;
using config::to_text;
using config::view;
using config::Wish;
using config::WishView;

}  // namespace heim::route
