// What belongs to no handle.
#include "heimproxy/heimproxy.h"

const char* heim_status_text(heim_status status) {
  switch (status) {
#define HEIM_STATUS_CASE(name, code, text) \
  case HEIM_##name:                        \
    return text;
    HEIM_STATUS_MAP(HEIM_STATUS_CASE)
#undef HEIM_STATUS_CASE
    case HEIM_STATUS_MAX_:
      break;
  }
  return "unknown status";
}

const char* heim_version_string() { return HEIM_VERSION_TEXT; }
