/* How many descriptors this process has open, and how many threads live in it. */
#ifndef HEIM_TESTS_CAPI_PROCESS_H
#define HEIM_TESTS_CAPI_PROCESS_H

#include <dirent.h>

#include "check.h"

static inline int open_descriptors(void) {
  DIR* dir = opendir("/proc/self/fd");
  int count = 0;
  CHECK(dir);
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

/* Whoever joined a thread can still find it in /proc, for as long as the kernel needs to reap it.
 * It is marked as exiting (PF_EXITING) before the join returns. */
static inline int is_alive(const char* task) {
  const unsigned exiting = 0x4;
  char path[64];
  unsigned flags;
  FILE* stat;
  int found;
  snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", task);
  stat = fopen(path, "r");
  if (!stat) return 0;
  found = fscanf(stat, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %u", &flags);
  fclose(stat);
  return found == 1 && !(flags & exiting);
}

static inline int living_threads(void) {
  DIR* dir = opendir("/proc/self/task");
  struct dirent* task;
  int count = 0;
  CHECK(dir);
  while ((task = readdir(dir))) {
    if (task->d_name[0] != '.') count += is_alive(task->d_name);
  }
  closedir(dir);
  return count;
}

#endif
