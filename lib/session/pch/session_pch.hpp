// Read once for all files of the session, which all need most of it: the build takes half the time.
// Each file still includes what it uses.
#pragma once
#include "session/client.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
