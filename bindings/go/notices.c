// Notices wait here for Go. They come on any of the library's threads.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// More than these are dropped: a session that nobody calls must not fill the memory.
enum { notices_max = 1000 };

static const char letters[] = "SVCMDHPpqWstcdnFLR";

struct heimgo_notices {
  pthread_mutex_t mutex;
  heimgo_notice *first, *last;
  int count;
};

heimgo_notices* heimgo_notices_new(void) {
  heimgo_notices* made = calloc(1, sizeof *made);
  if (made) pthread_mutex_init(&made->mutex, NULL);
  return made;
}

static heimgo_notice* take_all(heimgo_notices* notices) {
  pthread_mutex_lock(&notices->mutex);
  heimgo_notice* first = notices->first;
  notices->first = notices->last = NULL;
  notices->count = 0;
  pthread_mutex_unlock(&notices->mutex);
  return first;
}

void heimgo_notices_free(heimgo_notices* notices) {
  if (!notices) return;
  for (heimgo_notice* notice = take_all(notices); notice;) {
    heimgo_notice* next = notice->next;
    free(notice);
    notice = next;
  }
  pthread_mutex_destroy(&notices->mutex);
  free(notices);
}

static heimgo_notice* copy_of(const heim_notice* notice) {
  size_t size = sizeof(heimgo_notice);
  for (const char* letter = letters; *letter; ++letter) {
    const char* text = heim_notice_field(notice, *letter);
    if (text) size += strlen(text) + 2;
  }
  heimgo_notice* made = malloc(size);
  if (!made) return NULL;
  made->next = NULL;
  char* to = made->fields;
  for (const char* letter = letters; *letter; ++letter) {
    const char* text = heim_notice_field(notice, *letter);
    if (!text) continue;
    *to++ = *letter;
    const size_t length = strlen(text) + 1;
    memcpy(to, text, length);
    to += length;
  }
  *to = '\0';
  return made;
}

void heimgo_note(const heim_notice* notice, void* user_data) {
  heimgo_notices* notices = user_data;
  heimgo_notice* made = copy_of(notice);
  if (!made) return;
  pthread_mutex_lock(&notices->mutex);
  const int fits = notices->count < notices_max;
  if (fits) {
    *(notices->last ? &notices->last->next : &notices->first) = made;
    notices->last = made;
    ++notices->count;
  }
  pthread_mutex_unlock(&notices->mutex);
  if (!fits) free(made);
}

int heimgo_notices_waiting(heimgo_notices* notices) {
  if (!notices) return 0;
  pthread_mutex_lock(&notices->mutex);
  const int waiting = notices->count > 0;
  pthread_mutex_unlock(&notices->mutex);
  return waiting;
}

heimgo_notice* heimgo_take_notices(heimgo_session* s) {
  return s->notices ? take_all(s->notices) : NULL;
}
