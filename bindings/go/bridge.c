#include "bridge.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// ---- proxy ------------------------------------------------------------------------------------

// A reader that is slow loses lines, and holds nobody up.
static void log_line(const heim_log_line* line, void* user_data) {
  char digit = (char)('0' + line->level);
  struct iovec parts[2] = {{&digit, 1}, {(void*)line->text, line->length}};
  struct msghdr message = {0};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  (void)!sendmsg((int)(intptr_t)user_data, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

heim_status heimgo_open(const char* file, const char* text, size_t length,
                        const heimgo_settings* settings, heim_proxy** out, char** diagnostics,
                        heim_error* error) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  options.log_level = settings->log_level;
  options.seats = settings->seats;
  options.sidecar = settings->sidecar;
  if (settings->log_socket >= 0) {
    options.log = log_line;
    options.user_data = (void*)(intptr_t)settings->log_socket;
  }
  heim_status status = heim_config_new(&config, error);
  if (status == HEIM_OK) {
    status = file ? heim_config_load_file(config, file, error)
                  : heim_config_load_text(config, text, length, HEIM_CONFIG_DETECT, error);
  }
  if (status != HEIM_OK) *diagnostics = strdup(heim_config_diagnostics(config));
  if (status == HEIM_OK) status = heim_proxy_open(config, &options, &proxy, error);
  if (status == HEIM_OK) status = heim_proxy_start(proxy, error);
  if (status == HEIM_OK) {
    *out = proxy;
  } else {
    heim_proxy_close(proxy);
  }
  heim_config_free(config);
  return status;
}

// ---- a session's life -------------------------------------------------------------------------

static const char* skip(const char** text) {
  const char* found = *text;
  *text += strlen(found) + 1;
  return *found ? found : NULL;
}

static heim_status open_with(heimgo_session* s, heim_proxy* proxy, const char* texts,
                             size_t settings, heim_session_options* options, heim_error* error) {
  options->user = skip(&texts);
  options->database = skip(&texts);
  options->password = skip(&texts);
  options->application_name = skip(&texts);
  const char** pairs = calloc(settings + 1, sizeof *pairs);
  if (!pairs) return HEIM_NO_MEMORY;
  for (size_t i = 0; i < settings; ++i) {
    pairs[i] = texts;
    (void)skip(&texts);
  }
  options->settings = settings > 0 ? pairs : NULL;
  const heim_status status = heim_session_open(proxy, options, &s->session, error);
  free(pairs);
  return status;
}

heim_status heimgo_session_open(heim_proxy* proxy, const char* texts, size_t settings,
                                size_t result_bytes_max, int wants_notices, heimgo_session** out,
                                heim_error* error) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heimgo_session* s = calloc(1, sizeof *s);
  heim_status status = HEIM_NO_MEMORY;
  options.result_bytes_max = result_bytes_max;
  if (s && wants_notices) {
    s->notices = heimgo_notices_new();
    options.notice = heimgo_note;
    options.user_data = s->notices;
  }
  if (s && (s->notices || !wants_notices)) {
    status = open_with(s, proxy, texts, settings, &options, error);
  }
  if (status == HEIM_OK) {
    *out = s;
  } else {
    heimgo_session_close(s);
  }
  return status;
}

void heimgo_session_close(heimgo_session* s) {
  if (!s) return;
  heim_session_close(s->session);
  heimgo_notices_free(s->notices);
  free(s->column_list);
  free(s->cells);
  free(s);
}

// ---- questions --------------------------------------------------------------------------------

static heim_status tell(heimgo_session* s, heim_status status) {
  s->has_notices = heimgo_notices_waiting(s->notices);
  return status;
}

static heim_status take(heimgo_session* s, heim_status status, const heim_result* result) {
  if (status == HEIM_OK) {
    s->result = result;
    s->kind = heim_result_kind(result);
    s->tag = heim_result_tag(result);
    s->affected = heim_result_affected(result);
    s->rows = heim_result_rows(result);
    s->columns = heim_result_columns(result);
  }
  return tell(s, status);
}

heim_status heimgo_run(heimgo_session* s, const char* text, const heimgo_value* values,
                       size_t count, int flags) {
  heim_value few[16];
  heim_value* given = count <= 16 ? few : malloc(count * sizeof *given);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_status status;
  if (!given) return HEIM_NO_MEMORY;
  for (size_t i = 0; i < count; ++i) {
    const int is_null = values[i].length == HEIMGO_NULL;
    const heim_value value = {is_null ? NULL : text + values[i].at, is_null ? 0 : values[i].length,
                              0, (heim_format)values[i].format};
    given[i] = value;
  }
  *(flags & HEIMGO_STATEMENT ? &request.statement : &request.sql) = text;
  request.values = given;
  request.value_count = count;
  request.streamed = 1;
  if (flags & HEIMGO_START) {
    status = tell(s, heim_session_start(s->session, &request, NULL, NULL, &s->error));
  } else {
    status = heim_session_run(s->session, &request, &result, &s->error);
    status = take(s, status, result);
  }
  if (given != few) free(given);
  return status;
}

heim_status heimgo_finish(heimgo_session* s) {
  const heim_result* result = NULL;
  const heim_status status = heim_session_finish(s->session, HEIM_FOREVER, &result, &s->error);
  return take(s, status, result);
}

heim_status heimgo_query(heimgo_session* s, const char* sql) {
  const heim_result* result = NULL;
  const heim_status status = heim_session_query(s->session, sql, &result, &s->error);
  return take(s, status, result);
}

heim_status heimgo_next(heimgo_session* s) {
  const heim_result* result = NULL;
  const heim_status status = heim_session_next(s->session, &result, &s->error);
  return take(s, status, result);
}

heim_status heimgo_prepare(heimgo_session* s, const char* name, const char* sql) {
  const heim_result* result = NULL;
  const heim_status status =
      heim_session_prepare(s->session, name, sql, NULL, 0, &result, &s->error);
  return take(s, status, result);
}

heim_status heimgo_deallocate(heimgo_session* s, const char* name) {
  return tell(s, heim_session_deallocate(s->session, name, &s->error));
}

heim_status heimgo_rollback(heimgo_session* s) {
  return tell(s, heim_session_rollback(s->session, &s->error));
}

heim_status heimgo_copy_write(heimgo_session* s, const void* data, size_t length) {
  return tell(s, heim_session_copy_write(s->session, data, length, &s->error));
}

heim_status heimgo_copy_end(heimgo_session* s, const char* reason) {
  const heim_result* result = NULL;
  const heim_status status = heim_session_copy_end(s->session, reason, &result, &s->error);
  return take(s, status, result);
}

heim_status heimgo_copy_read(heimgo_session* s, const void** data, size_t* length) {
  return tell(s, heim_session_copy_read(s->session, data, length, &s->error));
}

heim_status heimgo_notification(heimgo_session* s, heim_notification* out) {
  return tell(s, heim_session_notification(s->session, 0, out, &s->error));
}

// ---- results ----------------------------------------------------------------------------------

// Room for `count` things, whatever was there.
static int make_room(void** list, size_t* room, size_t count, size_t size) {
  if (count <= *room) return 1;
  free(*list);
  *list = malloc(count * size);
  *room = *list ? count : 0;
  return *list != NULL;
}

int heimgo_columns(heimgo_session* s) {
  void* list = s->column_list;
  const int fits = make_room(&list, &s->column_room, s->columns, sizeof *s->column_list);
  s->column_list = list;
  if (!fits) return 0;
  for (size_t i = 0; i < s->columns; ++i) {
    s->column_list[i].struct_size = sizeof(heim_column);
    if (heim_result_column(s->result, i, &s->column_list[i], NULL) != HEIM_OK) return 0;
  }
  return 1;
}

int heimgo_cells(heimgo_session* s, size_t first, size_t count) {
  void* list = s->cells;
  const int fits = make_room(&list, &s->cell_room, count * s->columns, sizeof *s->cells);
  s->cells = list;
  if (!fits) return 0;
  heimgo_cell* cell = s->cells;
  for (size_t row = first; row < first + count; ++row) {
    for (size_t column = 0; column < s->columns; ++column, ++cell) {
      cell->length = 0;
      cell->data = heim_result_value(s->result, row, column, &cell->length);
    }
  }
  return 1;
}

int heimgo_readable(int descriptor) {
  struct pollfd asked = {descriptor, POLLIN, 0};
  return poll(&asked, 1, 0) != 0;
}
