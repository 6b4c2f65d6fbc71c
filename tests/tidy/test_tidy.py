"""Proves that every check of tidy.py can fail, and that the scanner measures our style right."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules  # noqa: E402
import scan  # noqa: E402
import tidy  # noqa: E402

# (path, text, a part of what must be said)
BAD = [
    ("lib/wire/a.cpp", '#include "session/b.hpp"\n', "wire/ may not include session/b.hpp"),
    ("lib/base/a.cpp", '#include "wire/b.hpp"\n', "base/ may not include"),
    ("lib/auth/a.cpp", '#include "pool/b.hpp"\n', "auth/ may not include"),
    ("lib/io/a.cpp", '#include "wire/b.hpp"\n', "io/ may not include"),
    ("lib/session/a.cpp", '#include "io/b.hpp"\n', "session/ may not include"),
    ("lib/session/a.cpp", '#include "admin/b.hpp"\n', "session/ may not include"),
    ("lib/admin/a.cpp", '#include "runtime/b.hpp"\n', "admin/ may not include"),
    ("lib/backend/a.cpp", '#include "runtime/b.hpp"\n', "backend/ may not include"),
    ("lib/runtime/a.cpp", '#include "capi/b.hpp"\n', "runtime/ may not include"),
    ("lib/wire/a.cpp", '#include "b.hpp"\n', "not rooted at lib/"),
    ("lib/novel/a.cpp", '#include "base/b.hpp"\n', "stands on no floor"),
    ("daemon/a.cpp", '#include "runtime/b.hpp"\n', "public headers only"),
    ("bindings/python/a.c", '#include "wire/b.hpp"\n', "public headers only"),
    ("lib/wire/a.cpp", "#include <uv.h>\n", "belongs to lib/io"),
    ("lib/wire/a.cpp", '#include "uv.h"\n', "belongs to lib/io"),
    ("lib/crypto/a.cpp", "#include <openssl/ssl.h>\n", "belongs to lib/io"),
    ("lib/auth/a.cpp", "#include <openssl/evp.h>\n", "belongs to lib/crypto"),
    ("lib/io/a.cpp", "#include <openssl/hmac.h>\n", "belongs to lib/crypto"),
    ("lib/io/a.cpp", "#include <openssl/rand.h>\n", "belongs to lib/crypto"),
    ("lib/backend/a.cpp", "#include <libpq-fe.h>\n", "belongs to lib/control"),
    ("lib/runtime/a.cpp", "#include <curl/curl.h>\n", "belongs to lib/control"),
    ("lib/runtime/a.cpp", "#include <toml++/toml.h>\n", "belongs to lib/config"),
    ("lib/session/a.cpp", "#include <nlohmann/json.hpp>\n", "belongs to lib/config and"),
    ("lib/runtime/a.cpp", "#include <microhttpd.h>\n", "belongs to lib/admin"),
    ("lib/capi/a.cpp", "#include <CLI/CLI.hpp>\n", "belongs to daemon"),
    ("lib/runtime/a.cpp", "#include <spdlog/spdlog.h>\n", "belongs to daemon"),
    ("lib/pool/a.cpp", "#include <thread>\n", "below the sans-IO line"),
    ("lib/pool/a.cpp", "#include <pthread.h>\n", "below the sans-IO line"),
    ("lib/session/a.cpp", "#include <sys/socket.h>\n", "below the sans-IO line"),
    ("lib/wire/a.cpp", "#include <arpa/inet.h>\n", "below the sans-IO line"),
    ("lib/cluster/a.cpp", "#include <time.h>\n", "below the sans-IO line"),
    ("lib/pool/a.cpp", "auto t = std::chrono::steady_clock::now();\n", "a clock below"),
    ("lib/pool/a.cpp", "auto t = time(nullptr);\n", "a clock below"),
    ("lib/pool/a.cpp", "clock_gettime(CLOCK_MONOTONIC, &t);\n", "a clock below"),
    ("lib/wire/a.cpp", 'auto v = getenv("X");\n', "the environment below"),
    ("lib/wire/a.cpp", 'auto v = std::getenv("X");\n', "the environment below"),
    ("lib/wire/a.cpp", "thread_local int x;\n", "a global per thread below"),
    ("lib/wire/a.cpp", "std::cerr << 1;\n", "a standard stream below"),
    ("lib/wire/a.cpp", "int x = rand();\n", "hidden random state below"),
    ("lib/wire/a.cpp", "std::this_thread::sleep_for(d);\n", "sleeping below"),
    ("lib/io/a.cpp", "void f() { strcpy(a, b); }\n", "strcpy is not used"),
    ("lib/io/a.cpp", "void f() { std::sprintf(a, b); }\n", "sprintf is not used"),
    ("daemon/a.cpp", '#include "../lib/base/a.hpp"\n', "public headers only"),
    ("examples/c/a.c", '#include "capi/session.hpp"\n', "public headers only"),
    ("daemon/a.cpp", "int x;\n" * 401, "folder daemon: 401, and 400"),
    ("tests/unit/a.cpp", "int x = atoi(s);\n", "atoi is not used"),
    ("lib/io/a.cpp", "// TO" + "DO: later\n", "unfinished work"),
    ("docs/a.md", "FIX" + "ME\n", "unfinished work"),
    ("docs/a.md", "see /ho" + "me/me/x\n", "a path of one machine"),
    ("meson.build", "x = '/ro" + "ot/x'\n", "a path of one machine"),
    ("dev", "cd /wo" + "rk/main\n", "a path of one machine"),
    ("tests/a.py", "u = 'https://pypi." + "org/simple'\n", "package registry"),
    ("bindings/go/a.md", "proxy.golang." + "org\n", "package registry"),
    ("lib/io/a.cpp", "int a; \n", "white space at the end"),
    ("docs/a.md", "a line\r\n", "white space at the end"),
    ("lib/io/a.cpp", "\tint a;\n", "a tab"),
    ("lib/io/a.cpp", "int a;", "no line end"),
    ("lib/io/a.hpp", "int f();\n", "no #pragma once"),
    ("lib/io/a.hpp", "#pragma once\nusing namespace std;\n", "using namespace in a header"),
    ("lib/io/a.cpp", "// " + "x" * 98 + "\n", "lines lib/io/a.cpp: 1, and 0"),
    ("tests/a.py", "# " + "x" * 99 + "\n", "lines tests/a.py: 1, and 0"),
    ("lib/io/a.cpp", "int a;\n" * 501, "file lib/io/a.cpp: 501, and 500"),
    ("daemon/main.cpp", "int a;\n" * 201, "file daemon/main.cpp: 201, and 200"),
    ("include/heimproxy/heimproxy.hpp", "#pragma once\n" + "int a;\n" * 400, "401, and 400"),
    ("include/heimproxy/heimproxy.h", "#pragma once\n" + "int a;\n" * 700, "701, and 700"),
    ("lib/io/a.cpp", "void f() {\n" + "  g();\n" * 59 + "}\n", "function lib/io/a.cpp f: 61"),
    ("lib/io/a.cpp", "void f() {\n" + "  if (x) g();\n" * 15 + "}\n", "a.cpp f: 16, and 15"),
]

GOOD = [
    ("lib/wire/a.cpp", '#include "wire/b.hpp"\n#include "base/c.hpp"\n#include <vector>\n'),
    ("lib/session/a.cpp", '#include "pool/b.hpp"\n#include "route/c.hpp"\n'),
    ("lib/cache/a.cpp", '#include "freshness/b.hpp"\n'),
    ("lib/admin/a.cpp", '#include "session/b.hpp"\n#include "config/b.hpp"\n'),
    ("lib/runtime/a.cpp", '#include "admin/b.hpp"\n#include "io/b.hpp"\n#include <thread>\n'),
    ("lib/capi/a.cpp", '#include "heimproxy/heimproxy.h"\n#include "runtime/b.hpp"\n'),
    ("daemon/a.cpp", '#include "heimproxy/heimproxy.hpp"\n#include <CLI/CLI.hpp>\n'),
    ("lib/io/a.cpp", "#include <uv.h>\n#include <openssl/ssl.h>\n#include <openssl/evp.h>\n"),
    ("lib/crypto/a.cpp", "#include <openssl/evp.h>\n#include <openssl/rand.h>\n"),
    ("lib/auth/a.cpp", "#include <arpa/inet.h>\n"),
    ("lib/config/a.cpp", 'auto v = getenv("X");\n'),
    ("lib/io/a.cpp", "auto t = std::chrono::steady_clock::now();\n"),
    ("lib/wire/a.cpp", '// strcpy(a, b) and time(nullptr)\nauto s = "getenv(";\n'),
    ("lib/wire/a.cpp", "int x = row.time(nullptr) + strand();\n"),
    ("examples/c/a.c", "#include <libpq-fe.h>\n#include <heimproxy/heimproxy.h>\n"),
    ("daemon/a.cpp", "int x;\n" * 400),
    ("tests/unit/io/a.cpp", "#include <uv.h>\n#include <thread>\n"),
    ("docs/a.md", "/ro" + "ot-cause and build/ho" + "me/x and `${HOME}/wo" + "rk/y`\n"),
    ("include/heimproxy/heimproxy.h", "#ifndef HEIMPROXY_H\n#define HEIMPROXY_H\n#endif\n"),
    ("lib/io/a.cpp", "void f() {\n" + "  g();\n" * 58 + "}\n"),
    ("lib/io/a.cpp", "void f() {\n" + "  if (x) g();\n" * 14 + "}\n"),
    ("go/a.go", "\tx := 1\n"),
]

# (code, [(name, length, complexity)])
SAMPLES = [
    ("int f(int a) { return a ? 1 : 2; }\n", [("f", 1, 2)]),
    ("namespace a::b {\nvoid C::f() const noexcept {\n  g();\n}\n}\n", [("C::f", 3, 1)]),
    ("class A final : public B<C> {\n public:\n  A() = default;\n  void g() override {}\n};\n",
     [("g", 1, 1)]),
    ("struct alignas(64) S {\n  int a = 1;\n  int b{2};\n};\n", []),
    ("A::A(int x) : a_(x), b_{x}, c_{f(x), {1}} {\n  h();\n}\n", [("A::A", 3, 1)]),
    ("template <class T, int N = 3>\nT f(T a = {}) {\n  return a;\n}\n", [("f", 4, 1)]),
    ("bool operator==(const A& a) const { return a.b == b && a.c == c; }\n",
     [("operator==", 1, 2)]),
    ("T&& operator*() && { return std::move(t); }\n", [("operator*", 1, 1)]),
    ("const int table[] = {1, 2, 3};\nstd::map<int, int> m = make({1, 2});\nvoid f() {}\n",
     [("f", 1, 1)]),
    ("constexpr auto less = [](int a, int b) { return a < b || b; };\n", [("less", 1, 2)]),
    ("enum class E : char { a, b };\nunion U { int a; };\nextern \"C\" {\nint f(void) {\n"
     "  return 1;\n}\n}\n", [("f", 3, 1)]),
    ("void f() {\n  // if while for {\n  auto s = \"if (x) {\";\n  char c = '{';\n}\n",
     [("f", 5, 1)]),
    ("void f() {\n  auto s = R\"x(if } ) {)x\";\n  int n = 1'000'000;\n}\n", [("f", 4, 1)]),
    ("#define M(x) \\\n  if (x) { \\\n  }\nvoid f() {}\n", [("f", 1, 1)]),
    ("void f() {\n  switch (a) {\n    case 1: break;\n    case 2: break;\n    default: break;\n"
     "  }\n}\n", [("f", 7, 3)]),
    ("void f() {\n  try {\n    g([&](auto&& x) { if (x) h(); });\n  } catch (...) {\n  }\n}\n",
     [("f", 6, 3)]),
    ("auto f() -> std::vector<int> {\n  return {};\n}\n", [("f", 3, 1)]),
    ("TEST_CASE(\"a b\") {\n  CHECK(1);\n}\n", [('TEST_CASE("a b")', 3, 1)]),
    ("struct A {\n  void f();\n  struct B {\n    int g() { return 1; }\n  } b;\n};\n",
     [("g", 1, 1)]),
    ("[[nodiscard]] static inline int f(std::function<void(int)> g = {}) { return 1; }\n",
     [("f", 1, 1)]),
]


def found(path, text, listed=None):
    return list(tidy.problems([tidy.Source(path, text)], listed or {}))


class Checks(unittest.TestCase):
    def test_every_violation_is_seen(self):
        for path, text, expected in BAD:
            with self.subTest(path=path, text=text[:60]):
                said = found(path, text)
                self.assertTrue(any(expected in line for line in said), said)

    def test_what_is_allowed_passes(self):
        for path, text in GOOD:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual(found(path, text), [])

    def test_every_dependency_and_header_of_the_rules_is_refused_somewhere(self):
        for prefix, _ in rules.DEPENDENCIES:
            name = prefix + "x.h" if prefix.endswith("/") else prefix
            self.assertEqual(len(found("lib/novel/a.cpp", f"#include <{name}>\n")), 1, name)
        for name in rules.OUTSIDE_HEADERS:
            self.assertEqual(len(found("lib/wire/a.cpp", f"#include <{name}>\n")), 1, name)

    def test_floors_have_no_cycle(self):
        for floor, below in rules.FLOORS.items():
            for other in below:
                self.assertNotIn(floor, rules.FLOORS.get(other, []), f"{floor} and {other}")


class Scanner(unittest.TestCase):
    def test_samples(self):
        for code, expected in SAMPLES:
            with self.subTest(code=code):
                got = [(f.name, f.length, f.complexity) for f in scan.functions(code)]
                self.assertEqual(got, expected)

    def test_line_numbers_survive(self):
        code = "/* a\nb */\n#include <x>\n\nvoid f() {}\n"
        self.assertEqual(scan.functions(code)[0].line, 5)


class Ratchet(unittest.TestCase):
    LONG = "void f() {\n" + "  g();\n" * 69 + "}\n"
    KEY = "function lib/io/a.cpp f"

    def test_listed_passes_and_may_shrink(self):
        for listed in (71, 99):
            self.assertEqual(found("lib/io/a.cpp", self.LONG, {self.KEY: listed}), [])

    def test_grown_fails(self):
        self.assertIn("grew from 70 to 71", found("lib/io/a.cpp", self.LONG, {self.KEY: 70})[0])

    def test_no_longer_needed_fails(self):
        said = found("lib/io/a.cpp", "void f() {}\n", {self.KEY: 71})
        self.assertIn("take its line out", said[0])

    def test_what_is_written_is_read(self):
        now = tidy.breaches(tidy.Source("lib/io/a.cpp", self.LONG))
        self.assertEqual(tidy.read_ratchet(tidy.ratchet_text(now)), {self.KEY: 71})


class Program(unittest.TestCase):
    def run_in(self, root, *arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = tidy.main(["--root", str(root), *arguments])
        return status, out.getvalue()

    def test_exit_status_and_ratchet_file(self):
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            (root / "tests/tidy").mkdir(parents=True)
            source = root / "lib/io/a.cpp"
            source.parent.mkdir(parents=True)
            source.write_text(Ratchet.LONG)
            self.assertEqual(self.run_in(root)[0], 1)
            self.assertEqual(self.run_in(root, "--write-ratchet")[0], 0)
            status, said = self.run_in(root, "--report")
            self.assertEqual(status, 0)
            self.assertIn("71 lines", said)
            source.write_text("void f() {}\n")
            self.assertEqual(self.run_in(root)[0], 1)


if __name__ == "__main__":
    unittest.main()
