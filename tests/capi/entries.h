/* How many entries a directory has: of /proc/self/fd and /proc/self/task. */
#ifndef HEIM_TESTS_CAPI_ENTRIES_H
#define HEIM_TESTS_CAPI_ENTRIES_H

#include <dirent.h>

#include "check.h"

static int entries(const char* path) {
  DIR* dir = opendir(path);
  int count = 0;
  CHECK(dir);
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

#endif
