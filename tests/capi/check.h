/* What the C tests of the C ABI have in place of a framework. */
#ifndef HEIM_TESTS_CAPI_CHECK_H
#define HEIM_TESTS_CAPI_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                      \
  do {                                                                   \
    if (!(what)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      exit(1);                                                           \
    }                                                                    \
  } while (0)

#define CHECK_STATUS(call, wanted, error)                                                \
  do {                                                                                   \
    const heim_status got = (call);                                                      \
    if (got != (wanted)) {                                                               \
      fprintf(stderr, "%s:%d: %s: status %d, %s\n", __FILE__, __LINE__, #call, (int)got, \
              got == HEIM_OK ? "success" : (error)->message);                            \
      exit(1);                                                                           \
    }                                                                                    \
    if (got != HEIM_OK) CHECK((error)->status == got && (error)->message[0]);            \
  } while (0)

#define CHECK_HAS(text, part)                                                          \
  do {                                                                                 \
    if (!strstr((text), (part))) {                                                     \
      fprintf(stderr, "%s:%d: no '%s' in '%s'\n", __FILE__, __LINE__, (part), (text)); \
      exit(1);                                                                         \
    }                                                                                  \
  } while (0)

#endif
