/* How a function of the C ABI is declared. */
#ifndef HEIMPROXY_EXPORT_H
#define HEIMPROXY_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define HEIM_API __attribute__((visibility("default")))
#define HEIM_MUST_USE __attribute__((warn_unused_result))
#else
#define HEIM_API
#define HEIM_MUST_USE
#endif

#endif /* HEIMPROXY_EXPORT_H */
