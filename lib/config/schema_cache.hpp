// The keys of [cache] and [cache.redis]. A part of schema.cpp.
#pragma once
#include "config/schema_key.hpp"

namespace heim::config {

inline constexpr std::string_view cache_why =
    "what is kept has to be told of every write from the start";

inline constexpr std::string_view warm_why =
    "what is kept is kept with its question from the start";

inline constexpr Key cache_keys[] = {
    key<&Cache::enabled>("enabled", "", any,
                         "Whether answers to reads are kept and given to others who ask the same. "
                         "Writes through this proxy make them void at once; those by others as "
                         "`follow` says.")
        .fixed(cache_why),
    key<&Cache::size>("size", "", positive_bytes, "The memory for it, bookkeeping included.")
        .fixed(cache_why),
    key<&Cache::max_result_size>("max_result_size", "", positive_bytes,
                                 "Larger answers are not kept.")
        .fixed(cache_why),
    key<&Cache::ttl>("ttl", "", positive_duration,
                     "How long an answer is kept that no write made void.")
        .fixed(cache_why),
    key<&Cache::follow>("follow", "", any,
                        "Whether writes past this proxy are heard of: wal reads them from the "
                        "primary's log. off: an answer may be as old as `ttl`.")
        .fixed(cache_why),
    key<&Cache::publication>("publication", "", is(Form::name),
                             "The publication that `follow` reads, in each database.")
        .fixed(cache_why),
    key<&Cache::follow_lag>("follow_lag", "", range(50 * ms, 3600 * s),
                            "How far behind `follow` may be, before `on_loss` applies.")
        .fixed(cache_why),
    key<&Cache::on_loss>("on_loss", "", any,
                         "What becomes of a database whose writes are not heard of in time: bypass "
                         "asks its servers, ttl takes answers that may be as old as `ttl`.")
        .fixed(cache_why),
    key<&Cache::warm_start>("warm_start", "", is(Form::path),
                            "A file for what is asked most often, with its parameters: after a "
                            "restart it is asked anew, by one connection at a time. Empty: none.")
        .fixed(warm_why),
    key<&Cache::warm_start_interval>("warm_start_interval", "", range(1 * s, 86'400 * s),
                                     "How often it is written; and once at the end.")
        .fixed(warm_why),
    key<&Cache::warm_start_questions>("warm_start_questions", "", range(1, 1'000'000),
                                      "How many it has at most.")
        .fixed(warm_why),
    key<&Cache::prefetch>("prefetch", "", range(0, 1'000'000),
                          "What usually follows an answer, with values of it, is asked ahead: so "
                          "many statements a second at most. 0: none.")
        .fixed(warm_why),
};

template <auto Member>
constexpr Key agreed(std::string_view name, const Rule& rule, std::string_view doc) {
  return key<Member>(name, "", rule, doc).fixed("the proxies agree on it when they join");
}

inline constexpr Key cache_redis_keys[] = {
    agreed<&CacheRedis::servers>("servers", any,
                                 "Redis 6 or later, or Valkey: `host:port`; tried in turn."),
    agreed<&CacheRedis::sentinel>("sentinel", any,
                                  "What Sentinels call the server. Then `servers` are these."),
    agreed<&CacheRedis::sentinel_user>("sentinel_user", any, "Their ACL user."),
    agreed<&CacheRedis::sentinel_password>("sentinel_password", any, "Their password."),
    agreed<&CacheRedis::user>("user", any, "The ACL user. Empty: the server's default user."),
    agreed<&CacheRedis::password>("password", any, "Its password."),
    agreed<&CacheRedis::database>("database", count, "The number of the database."),
    agreed<&CacheRedis::tls>("tls", any, "libpq's sslmode, towards Redis."),
    agreed<&CacheRedis::tls_ca_file>("tls_ca_file", is(Form::path), "Who signs its certificate."),
    agreed<&CacheRedis::tls_cert_file>("tls_cert_file", is(Form::path),
                                       "Our certificate, if it wants one."),
    agreed<&CacheRedis::tls_key_file>("tls_key_file", is(Form::path), "Its private key (PEM)."),
    agreed<&CacheRedis::name_space>("namespace", is(Form::name),
                                    "The same for all proxies of a cluster, and no others."),
    agreed<&CacheRedis::member>("member", any,
                                "Its own name, the same after a restart. Empty: host and port."),
    agreed<&CacheRedis::coherence>("coherence", any,
                                   "What a commit waits for. strict: that no "
                                   "proxy gives out what lacks it. push: nothing; before "
                                   "DDL and the like is sent, all know of it."),
    agreed<&CacheRedis::lease>("lease", range(50 * ms, 60'000 * ms),
                               "How long answers are given out after it was last known that "
                               "nothing is missing: none is older than that."),
    agreed<&CacheRedis::interval>("interval", range(ms, 10'000 * ms),
                                  "How often a proxy speaks that has nothing to say."),
    agreed<&CacheRedis::timeout>("timeout", range(10 * ms, 60'000 * ms),
                                 "For a connection to Redis, and for each of its answers."),
    agreed<&CacheRedis::forget_after>("forget_after", duration_or_none,
                                      "Who is silent for so long is not waited for. 0: never."),
    agreed<&CacheRedis::store>("store", any,
                               "Whether answers are kept there, too, for the other proxies. Needs "
                               "[monitor] user."),
    agreed<&CacheRedis::store_secret>("store_secret", any,
                                      "The same for all: who does not know it cannot make or alter "
                                      "an answer there."),
    agreed<&CacheRedis::store_encrypt>(
        "store_encrypt", any, "Whether answers cannot be read without the secret, either."),
    agreed<&CacheRedis::store_compress_above>("store_compress_above", bytes_or_none,
                                              "Larger answers are compressed. 0: none."),
    agreed<&CacheRedis::store_timeout>(
        "store_timeout", range(ms, 1'000 * ms),
        "How long a client waits for it; then the database is asked, "
        "and it is left alone for a second."),
};

}  // namespace heim::config
