"""What tests/tidy holds the sources to. Tables only: the checks are in tidy.py."""

# Who may include whom, floor by floor. A folder of lib/ includes itself and what its line names.
L0 = ["base"]
L1 = L0 + ["wire", "sql", "crypto", "config", "redis"]
L2 = L1 + ["cluster", "freshness", "fleet", "auth", "pool", "cache", "route", "policy"]
L3 = L2 + ["session"]
L4 = L3 + ["io", "backend", "control"]
FLOORS = {
    "base": [],
    # L1: pure parts
    "wire": L0,
    "sql": L0,
    "crypto": L0,
    "config": L0,
    "redis": L0,
    # L2: pure machines. Between neighbours only what is named here.
    "cluster": L1,
    "freshness": L1 + ["cluster"],
    "auth": L1,
    "pool": L1,
    "cache": L1 + ["freshness"],
    "fleet": L1 + ["freshness", "cluster"],
    "route": L1 + ["cluster", "freshness", "auth"],  # auth: networks of clients
    "policy": L1,
    # L3
    "session": L2,
    # the sans-IO line
    "io": L0,
    "backend": L3 + ["io"],
    "control": L3 + ["io"],
    # L5
    "admin": L3,
    "runtime": L4 + ["admin"],
    "embed": L4 + ["admin", "runtime"],
    # L6
    "capi": L4 + ["admin", "runtime", "embed"],
}
BELOW_THE_LINE = L3

# One folder per heavy dependency: what stands between <> -> the folders that may include it.
# The first prefix that matches decides. tests/ may include anything.
DEPENDENCIES = [
    ("uv.h", ["lib/io"]),
    ("uv/", ["lib/io"]),
    ("openssl/hmac.h", ["lib/crypto"]),
    ("openssl/rand.h", ["lib/crypto"]),
    ("openssl/kdf.h", ["lib/crypto"]),
    ("openssl/crypto.h", ["lib/crypto", "lib/io"]),
    ("openssl/sha.h", ["lib/crypto"]),
    ("openssl/md5.h", ["lib/crypto"]),
    ("openssl/evp.h", ["lib/crypto", "lib/io"]),  # io: the digest of tls-server-end-point
    ("openssl/", ["lib/io"]),
    ("libpq-fe.h", ["lib/control"]),
    ("postgresql/libpq-fe.h", ["lib/control"]),
    ("curl/", ["lib/control"]),
    ("pg_query.h", ["lib/sql"]),
    ("pg_query/", ["lib/sql"]),
    ("postgres.h", ["lib/sql"]),  # the server's headers
    ("nodes/", ["lib/sql"]),
    ("xxhash.h", ["lib/base"]),
    ("re2/", ["lib/policy", "lib/route"]),
    ("toml++/", ["lib/config"]),
    ("nlohmann/", ["lib/config", "lib/admin", "lib/capi"]),
    ("microhttpd.h", ["lib/admin"]),
    ("CLI/", ["daemon"]),
    ("spdlog/", ["daemon"]),
    ("fmt/", ["daemon"]),
    ("doctest", []),
    ("boost/", []),
]

# Headers of the world outside: not below the line, except where a folder is named.
OUTSIDE_HEADERS = {
    "pthread.h": [],
    "thread": [],
    "condition_variable": [],
    "future": [],
    "sys/socket.h": [],
    "netinet/in.h": [],
    "netinet/tcp.h": [],
    "arpa/inet.h": ["auth"],  # inet_pton: an HBA rule's address
    "netdb.h": [],
    "poll.h": [],
    "sys/epoll.h": [],
    "sys/un.h": [],
    "time.h": [],
    "ctime": [],
    "sys/time.h": [],
    "signal.h": [],
    "csignal": [],
    "unistd.h": ["config"],
    "fstream": ["config"],
    "iostream": [],
}

# Calls of the world outside, likewise: pattern -> (what it is, folders that may).
OUTSIDE_CALLS = {
    r"\b(?:steady|system|high_resolution)_clock::now\b": ("a clock", []),
    r"\b(?:clock_gettime|gettimeofday|localtime|localtime_r)\s*\(": ("a clock", []),
    r"(?<![\w.>:])time\s*\(\s*(?:nullptr|NULL|0)\s*\)": ("a clock", []),
    r"\b(?:secure_)?getenv\s*\(": ("the environment", ["config"]),
    r"\b(?:usleep|nanosleep|sleep_for|sleep_until)\s*\(": ("sleeping", []),
    r"\bthread_local\b": ("a global per thread", []),
    r"\bstd::(?:cout|cerr|clog)\b": ("a standard stream", []),
    r"(?<![\w.>:])(?:s?rand|random)\s*\(\s*\)": ("hidden random state", []),
}

# Size ratchets. What is above is listed in ratchet.txt, and that list may only get shorter.
LINE = 100
FUNCTION = 60
COMPLEXITY = 15
FILE = 500
PUBLIC_CPP_HEADER = 400
FILE_LIMITS = {"include/heimproxy/heimproxy.h": 700, "daemon/main.cpp": 200}
# All of a folder's C++ together: the daemon is thin, or it is no daemon over a library.
FOLDERS = {"daemon": 400}

# Words that are not written. Kind of file -> pattern -> why.
BANNED_CALLS = {
    r"(?<![\w.>:])(?:std::)?(?:strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(":
        "knows no bound",
    r"(?<![\w.>:])(?:std::)?(?:atoi|atol|atoll|atof)\s*\(": "cannot say that it failed",
    r"(?<![\w.>:])(?:std::)?(?:setjmp|longjmp|alloca)\s*\(": "jumps over destructors",
}
# Written in pieces so that this file itself is clean.
UNFINISHED = r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b"
MACHINE_PATHS = r"(?<![\w.$}])/(?:" + "|".join(["ho" + "me", "ro" + "ot", "wo" + "rk"]) + r")/\w"
REGISTRY_HOSTS = [
    ("registry", "npmjs", "org"),
    ("registry", "yarnpkg", "com"),
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("proxy", "golang", "org"),
    ("sum", "golang", "org"),
    ("repo1", "maven", "org"),
    ("repo", "maven", "apache", "org"),
    ("crates", "io"),
    ("rubygems", "org"),
    ("deb", "debian", "org"),
    ("security", "debian", "org"),
    ("archive", "ubuntu", "com"),
    ("docker", "io"),
    ("ghcr", "io"),
    ("quay", "io"),
]
