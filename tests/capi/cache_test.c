/* The cache without a proxy: what is found, what a write takes away, and threads that ask the same.
 */
#include <pthread.h>

#include "check.h"
#include "heimproxy/parts.h"

#define OK(call) CHECK_STATUS(call, HEIM_OK, &error)

static const char* const items[] = {"items"};
static const char* const seven[] = {"7"};

static heim_cache_query query_of(const char* statement) {
  heim_cache_query query = HEIM_CACHE_QUERY_INIT;
  query.statement = statement;
  query.parameters = seven;
  query.parameter_count = 1;
  query.tables = items;
  query.table_count = 1;
  return query;
}

static heim_cache* make_cache(void) {
  heim_cache* cache = NULL;
  heim_error error;
  OK(heim_cache_new(NULL, &cache, &error));
  return cache;
}

/* The caller is the one to ask. */
static heim_cache_fill* begin(heim_cache* cache, const heim_cache_query* query) {
  heim_cache_entry* entry = NULL;
  heim_cache_fill* fill = NULL;
  heim_error error;
  OK(heim_cache_find(cache, query, &entry, &fill, &error));
  CHECK(!entry && fill);
  return fill;
}

static int store(heim_cache_fill* fill, const char* text) {
  heim_error error;
  int stored = -1;
  OK(heim_cache_fill_store(fill, text, strlen(text), &stored, &error));
  return stored;
}

/* Whether it finds that; ends what it was given instead. */
static int finds(heim_cache* cache, const heim_cache_query* query, const char* text) {
  heim_cache_entry* entry = NULL;
  heim_cache_fill* fill = NULL;
  heim_error error;
  size_t length = 0;
  int same;
  OK(heim_cache_find(cache, query, &entry, &fill, &error));
  heim_cache_fill_free(fill);
  if (!entry) return 0;
  same = !memcmp(heim_cache_entry_data(entry, &length), text, strlen(text));
  same = same && length == strlen(text);
  heim_cache_entry_free(entry);
  return same;
}

static void test_find(void) {
  static const char* const eight[] = {"8"};
  static const char* const null[] = {NULL};
  static const size_t lengths[] = {1};
  heim_cache* cache = make_cache();
  heim_cache_query query = query_of("SELECT name FROM items WHERE id = $1"), other = query;
  heim_cache_stats stats = HEIM_CACHE_STATS_INIT;
  heim_error error;
  CHECK(store(begin(cache, &query), "seven") == 1);
  CHECK(finds(cache, &query, "seven"));
  other.parameters = eight;
  CHECK(!finds(cache, &other, "seven"));
  other.parameters = null;
  CHECK(!finds(cache, &other, "seven"));
  other = query;
  other.context = "another user";
  CHECK(!finds(cache, &other, "seven"));
  other = query;
  other.parameter_lengths = lengths;
  CHECK(finds(cache, &other, "seven"));
  OK(heim_cache_get_stats(cache, &stats, &error));
  CHECK(stats.hits == 2 && stats.stored == 1 && stats.entries == 1 && stats.misses == 4);
  CHECK(stats.bytes > 0 && stats.bytes < stats.max_bytes && stats.max_bytes == 64u << 20);
  heim_cache_free(cache);
}

static void test_invalidate(void) {
  heim_cache* cache = make_cache();
  heim_cache_query query = query_of("SELECT name FROM items WHERE id = $1");
  heim_cache_fill* fill;
  heim_error error;
  CHECK(store(begin(cache, &query), "old") == 1);
  OK(heim_cache_invalidate_table(cache, "stock", &error));
  CHECK(finds(cache, &query, "old"));
  OK(heim_cache_invalidate_table(cache, "items", &error));
  fill = begin(cache, &query);
  OK(heim_cache_invalidate_table(cache, "items", &error));
  CHECK(store(fill, "overtaken") == 0);
  CHECK(store(begin(cache, &query), "new") == 1);
  CHECK(finds(cache, &query, "new"));
  OK(heim_cache_invalidate(cache, &query, &error));
  CHECK(!finds(cache, &query, "new"));
  CHECK(store(begin(cache, &query), "newer") == 1);
  heim_cache_invalidate_all(cache);
  CHECK(!finds(cache, &query, "newer"));
  heim_cache_free(cache);
}

static void test_lifetimes(void) {
  heim_cache* cache = make_cache();
  heim_cache_query query = query_of("SELECT 1"), other = query_of("SELECT 2");
  heim_cache_entry* entry = NULL;
  heim_cache_fill *fill = NULL, *open;
  heim_error error;
  size_t length;
  CHECK(store(begin(cache, &query), "kept") == 1);
  OK(heim_cache_find(cache, &query, &entry, &fill, &error));
  CHECK(entry && !fill);
  open = begin(cache, &other);
  heim_cache_free(cache);
  CHECK(!memcmp(heim_cache_entry_data(entry, &length), "kept", 4) && length == 4);
  heim_cache_entry_free(entry);
  CHECK(store(open, "text") == 1);
  heim_cache_free(NULL);
  heim_cache_entry_free(NULL);
  heim_cache_fill_free(NULL);
  heim_cache_invalidate_all(NULL);
}

static void test_limits_and_arguments(void) {
  heim_cache_options options = HEIM_CACHE_OPTIONS_INIT;
  heim_cache_query query = query_of("SELECT 1"), wrong;
  heim_cache_stats stats = HEIM_CACHE_STATS_INIT;
  heim_cache_entry* entry = NULL;
  heim_cache_fill* fill = NULL;
  heim_cache* cache = NULL;
  heim_error error;
  options.max_bytes = 1u << 20;
  options.max_entry_bytes = 4;
  OK(heim_cache_new(&options, &cache, &error));
  CHECK(store(begin(cache, &query), "12345") == 0);
  CHECK(store(begin(cache, &query), "1234") == 1);
  CHECK_STATUS(heim_cache_find(cache, NULL, &entry, &fill, &error), HEIM_INVALID_ARGUMENT, &error);
  wrong = query;
  wrong.statement = NULL;
  CHECK_STATUS(heim_cache_find(cache, &wrong, &entry, &fill, &error), HEIM_INVALID_ARGUMENT,
               &error);
  wrong = query;
  wrong.table_count = 61;
  CHECK_STATUS(heim_cache_find(cache, &wrong, &entry, &fill, &error), HEIM_INVALID_ARGUMENT,
               &error);
  wrong = query;
  wrong.struct_size = 0;
  CHECK_STATUS(heim_cache_find(cache, &wrong, &entry, &fill, &error), HEIM_INVALID_ARGUMENT,
               &error);
  CHECK(!entry && !fill);
  CHECK_STATUS(heim_cache_invalidate_table(cache, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_cache_fill_store(NULL, "", 0, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  stats.struct_size = 0;
  CHECK_STATUS(heim_cache_get_stats(cache, &stats, &error), HEIM_INVALID_ARGUMENT, &error);
  heim_cache_free(cache);
}

/* ---- threads */

enum { threads = 16 };

struct shared {
  heim_cache* cache;
  pthread_mutex_t mutex;
  int asked, found, neither;
  heim_cache_fill* fill;
};

static void* ask(void* of) {
  struct shared* shared = of;
  heim_cache_query query = query_of("SELECT slow()");
  heim_cache_entry* entry = NULL;
  heim_cache_fill* fill = NULL;
  heim_error error;
  query.wait_ns = HEIM_FOREVER;
  OK(heim_cache_find(shared->cache, &query, &entry, &fill, &error));
  pthread_mutex_lock(&shared->mutex);
  shared->asked += fill != NULL;
  shared->found += entry != NULL;
  shared->neither += !fill && !entry;
  if (fill) shared->fill = fill;
  pthread_mutex_unlock(&shared->mutex);
  heim_cache_entry_free(entry);
  return NULL;
}

/* All but one wait; what the one brings, all have. With `again` the first brings nothing. */
static void test_one_asks(int again) {
  struct shared shared = {NULL, PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, NULL};
  pthread_t all[threads];
  int i, left = again;
  shared.cache = make_cache();
  for (i = 0; i < threads; ++i) CHECK(!pthread_create(&all[i], NULL, ask, &shared));
  for (;;) {
    heim_cache_fill* fill;
    pthread_mutex_lock(&shared.mutex);
    fill = shared.fill;
    shared.fill = NULL;
    pthread_mutex_unlock(&shared.mutex);
    if (fill && left-- > 0) {
      heim_cache_fill_free(fill);
    } else if (fill) {
      CHECK(store(fill, "slow") == 1);
      break;
    }
  }
  for (i = 0; i < threads; ++i) CHECK(!pthread_join(all[i], NULL));
  CHECK(shared.asked == 1 + again);
  CHECK(shared.found == threads - 1 - again);
  CHECK(shared.neither == 0);
  heim_cache_free(shared.cache);
  pthread_mutex_destroy(&shared.mutex);
}

static void test_patience(void) {
  heim_cache* cache = make_cache();
  heim_cache_query query = query_of("SELECT 1");
  heim_cache_entry* entry = NULL;
  heim_cache_fill *fill = NULL, *first = begin(cache, &query);
  heim_error error;
  OK(heim_cache_find(cache, &query, &entry, &fill, &error));
  CHECK(!entry && !fill);
  query.wait_ns = 1000 * 1000;
  OK(heim_cache_find(cache, &query, &entry, &fill, &error));
  CHECK(!entry && !fill);
  heim_cache_fill_free(first);
  heim_cache_fill_free(begin(cache, &query));
  heim_cache_free(cache);
}

static void* use(void* of) {
  heim_cache* cache = of;
  heim_cache_query query = query_of("SELECT name FROM items WHERE id = $1");
  heim_error error;
  int i;
  for (i = 0; i < 500; ++i) {
    heim_cache_entry* entry = NULL;
    heim_cache_fill* fill = NULL;
    const char* ids[1];
    char id[16];
    snprintf(id, sizeof id, "%d", i % 10);
    ids[0] = id;
    query.parameters = ids;
    query.wait_ns = i % 3 ? HEIM_FOREVER : 0;
    OK(heim_cache_find(cache, &query, &entry, &fill, &error));
    if (entry) CHECK(!memcmp(heim_cache_entry_data(entry, NULL), id, 1));
    heim_cache_entry_free(entry);
    if (fill && i % 7) {
      store(fill, id);
    } else {
      heim_cache_fill_free(fill);
    }
    if (i % 11 == 0) OK(heim_cache_invalidate_table(cache, "items", &error));
    if (i % 13 == 0) OK(heim_cache_invalidate(cache, &query, &error));
    if (i % 101 == 0) heim_cache_invalidate_all(cache);
  }
  return NULL;
}

static void test_all_at_once(void) {
  heim_cache* cache = make_cache();
  pthread_t all[threads];
  int i;
  for (i = 0; i < threads; ++i) CHECK(!pthread_create(&all[i], NULL, use, cache));
  for (i = 0; i < threads; ++i) CHECK(!pthread_join(all[i], NULL));
  heim_cache_free(cache);
}

int main(void) {
  test_find();
  test_invalidate();
  test_lifetimes();
  test_limits_and_arguments();
  test_one_asks(0);
  test_one_asks(1);
  test_patience();
  test_all_at_once();
  return 0;
}
