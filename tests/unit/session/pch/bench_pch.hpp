// Read once for all tests of the session: the build takes half the time.
#pragma once
#include "../bench.hpp"
