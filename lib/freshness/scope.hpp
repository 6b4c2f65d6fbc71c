// How fresh a read has to be.
#pragma once
#include "config/freshness.hpp"

namespace heim::freshness {

using config::Freshness;
using config::parse_freshness;
using config::Scope;

}  // namespace heim::freshness
