/* What any program may do with an installed library: opens a proxy, starts it, ends it. */
#include <heimproxy/heimproxy.h>
#include <stdio.h>
#include <string.h>

static const char config_text[] =
    "{\"proxy\": {\"listen_address\": []}, \"nodes\": [{\"host\": \"127.0.0.1\"}]}";

int main(void) {
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  heim_error error;
  if (heim_config_new(&config, &error) != HEIM_OK ||
      heim_config_load_text(config, config_text, strlen(config_text), HEIM_CONFIG_JSON, &error) !=
          HEIM_OK ||
      heim_proxy_open(config, NULL, &proxy, &error) != HEIM_OK ||
      heim_proxy_start(proxy, &error) != HEIM_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  heim_proxy_close(proxy);
  heim_config_free(config);
  printf("C %s\n", heim_version_string());
  return 0;
}
