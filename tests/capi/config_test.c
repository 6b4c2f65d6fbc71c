/* heim_config from C99: every call, and every misuse that the header names. */
#define _POSIX_C_SOURCE 200809L

#include "check.h"
#include "heimproxy/heimproxy.h"

static const char good[] =
    "[proxy]\nlisten_address = \"127.0.0.1:6432\"\npool_size = 7\n"
    "[[nodes]]\nhost = \"db\"\n"
    "[[databases]]\nname = \"x\"\nuser = \"u\"\npassword = \"very-secret\"\n";
static const char bad[] = "[proxy]\npool_sise = 3\nlisten_backlog = 0\n[[nodes]]\nhost = \"db\"\n";

static heim_config* new_config(void) {
  heim_config* config = NULL;
  heim_error error;
  CHECK_STATUS(heim_config_new(&config, &error), HEIM_OK, &error);
  CHECK(config);
  return config;
}

static heim_status load(heim_config* config, const char* text, heim_error* error) {
  return heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_DETECT, error);
}

static void test_library(void) {
  CHECK(strchr(heim_version_string(), '.'));
#define HEIM_TEST(name, code, text) CHECK(strcmp(heim_status_text(HEIM_##name), text) == 0);
  HEIM_STATUS_MAP(HEIM_TEST)
#undef HEIM_TEST
  CHECK_HAS(heim_status_text((heim_status)12345), "unknown");
}

static void test_wrong_text(void) {
  heim_config* config = new_config();
  heim_error error;
  CHECK_STATUS(load(config, bad, &error), HEIM_CONFIG, &error);
  CHECK_HAS(error.message, ":2:");
  CHECK_HAS(error.message, "pool_sise");
  CHECK_HAS(error.message, "pool_size");
  CHECK_HAS(error.message, "(and 1 more)");
  CHECK_HAS(heim_config_diagnostics(config), "listen_backlog");
  CHECK_HAS(heim_config_diagnostics(config), ":3:");
  CHECK(load(config, bad, NULL) == HEIM_CONFIG);

  /* A failure leaves nothing of what was loaded before. */
  const char* out = "untouched";
  CHECK_STATUS(load(config, good, &error), HEIM_OK, &error);
  CHECK(strcmp(heim_config_diagnostics(config), "") == 0);
  CHECK_STATUS(load(config, bad, &error), HEIM_CONFIG, &error);
  CHECK_STATUS(heim_config_get(config, "proxy.pool_size", &out, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_config_print(config, &out, &error), HEIM_STATE, &error);
  CHECK(strcmp(out, "untouched") == 0);
  heim_config_free(config);
}

static void test_values(void) {
  heim_config* config = new_config();
  heim_error error;
  const char* out = NULL;
  CHECK_STATUS(load(config, good, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_config_get(config, "proxy.pool_size", &out, &error), HEIM_OK, &error);
  CHECK(strcmp(out, "7") == 0);
  CHECK_STATUS(heim_config_get(config, "log.format", &out, &error), HEIM_OK, &error);
  CHECK(strcmp(out, "text") == 0);
  CHECK_STATUS(heim_config_get(config, "log.formt", &out, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_HAS(error.message, "log.format");
  CHECK_STATUS(heim_config_print(config, &out, &error), HEIM_OK, &error);
  CHECK_HAS(out, "pool_size = 7");
  CHECK_HAS(out, "# default");
  CHECK(!strstr(out, "very-secret"));
  heim_config_free(config);
}

static void test_formats(void) {
  const char json[] = "{\"nodes\": [{\"host\": \"db\"}], \"proxy\": {\"pool_size\": 9}}";
  heim_config* config = new_config();
  heim_error error;
  const char* out = NULL;
  CHECK_STATUS(load(config, json, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_config_get(config, "proxy.pool_size", &out, &error), HEIM_OK, &error);
  CHECK(strcmp(out, "9") == 0);
  CHECK_STATUS(heim_config_load_text(config, json, strlen(json), HEIM_CONFIG_JSON, &error), HEIM_OK,
               &error);
  CHECK_STATUS(heim_config_load_text(config, json, strlen(json), HEIM_CONFIG_TOML, &error),
               HEIM_CONFIG, &error);
  /* The length counts, not a zero. */
  CHECK_STATUS(heim_config_load_text(config, good, 20, HEIM_CONFIG_TOML, &error), HEIM_CONFIG,
               &error);
  CHECK_STATUS(heim_config_load_text(config, NULL, 0, HEIM_CONFIG_TOML, &error), HEIM_CONFIG,
               &error);
  heim_config_free(config);
}

static void write_file(const char* path, const char* text) {
  FILE* file = fopen(path, "w");
  CHECK(file);
  CHECK(fputs(text, file) >= 0);
  CHECK(fclose(file) == 0);
}

static void test_files(void) {
  char folder[] = "heim-capi-XXXXXX";
  char path[64];
  heim_config* config = new_config();
  heim_error error;
  const char* out = NULL;
  CHECK(mkdtemp(folder));
  CHECK_STATUS(heim_config_load_file(config, folder, &error), HEIM_SYSTEM, &error);
  snprintf(path, sizeof path, "%s/heimproxy.toml", folder);
  CHECK_STATUS(heim_config_load_file(config, path, &error), HEIM_SYSTEM, &error);
  CHECK_HAS(error.message, path);
  write_file(path, "[proxy]\npool_size = \"${HEIM_TEST_SIZE:-4}\"\n[[nodes]]\nhost = \"db\"\n");
  CHECK_STATUS(heim_config_load_file(config, path, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_config_get(config, "proxy.pool_size", &out, &error), HEIM_OK, &error);
  CHECK(strcmp(out, "4") == 0);
  CHECK(setenv("HEIM_TEST_SIZE", "11", 1) == 0);
  CHECK_STATUS(heim_config_load_file(config, path, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_config_get(config, "proxy.pool_size", &out, &error), HEIM_OK, &error);
  CHECK(strcmp(out, "11") == 0);
  write_file(path, bad);
  CHECK_STATUS(heim_config_load_file(config, path, &error), HEIM_CONFIG, &error);
  CHECK_HAS(error.message, path);
  heim_config_free(config);
  remove(path);
  remove(folder);
}

static void test_a_file_too_long(void) {
  heim_config* config = new_config();
  heim_error error;
  CHECK_STATUS(heim_config_load_file(config, "/dev/zero", &error), HEIM_SYSTEM, &error);
  CHECK_HAS(error.message, "16 MiB");
  heim_config_free(config);
}

static void test_misuse(void) {
  heim_config* config = new_config();
  heim_error error;
  const char* out = NULL;
  CHECK_STATUS(heim_config_new(NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_HAS(error.message, "'out'");
  CHECK(heim_config_new(NULL, NULL) == HEIM_INVALID_ARGUMENT);
  CHECK_STATUS(heim_config_load_file(NULL, "x", &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_load_file(config, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_load_file(config, "", &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(load(NULL, good, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_load_text(config, NULL, 3, HEIM_CONFIG_TOML, &error),
               HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_load_text(config, good, 3, (heim_config_format)77, &error),
               HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_print(NULL, &out, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_print(config, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_get(NULL, "log.format", &out, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_get(config, NULL, &out, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_config_get(config, "log.format", NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK(strcmp(heim_config_diagnostics(NULL), "") == 0);
  CHECK(strcmp(heim_config_warnings(NULL), "") == 0);
  CHECK(strcmp(heim_config_warnings(config), "") == 0);
  heim_config_free(NULL);
  heim_config_free(config);
}

int main(void) {
  test_library();
  test_wrong_text();
  test_values();
  test_formats();
  test_files();
  test_a_file_too_long();
  test_misuse();
  return 0;
}
