"""The Go module against a real server.

    run.py tests|spec|cluster GO-DIRECTORY LIBRARY PKG-CONFIG-DIRECTORY PORT [PORT OF THE STANDBY]

`tests`: vet, the tests with the race detector, drivers, the example. `spec`: the conformance script
(bindings/spec); `cluster`: its part for a primary with a standby. tests/capi/with_postgres.py
starts the servers and gives the ports. Without a Go toolchain they are skipped (77).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def environment(root, library, pkg_config, ports):
    env = dict(os.environ)
    for name in ("CC", "CXX"):  # through ccache, go does not find out what its linker can
        if name in env:
            env[name] = env[name].removeprefix("ccache ")
    flags = env.get("CGO_CFLAGS", "-O2 -g")
    env["CGO_CFLAGS"] = f"{flags} -Wall -Werror -I{root / 'include'}"
    # What pkg-config says is no part of what go's cache knows its objects by; this is.
    env["CGO_LDFLAGS"] = f"{env.get('CGO_LDFLAGS', '-O2 -g')} -L{library}"
    for name, value in (("PKG_CONFIG_PATH", pkg_config), ("LD_LIBRARY_PATH", library)):
        env[name] = os.pathsep.join(filter(None, [value, env.get(name)]))
    env["GOFLAGS"] = f"{env.get('GOFLAGS', '')} -buildvcs=false".strip()
    env["HEIM_TEST_PORT"] = ports[0]
    return env


def run(argv, directory, env):
    print(f"{directory}: {' '.join(argv)}", flush=True)
    done = subprocess.run(argv, cwd=directory, env=env, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed in {directory}")


def check_format(module, env):
    argv = ["gofmt", "-l", "."]
    found = subprocess.run(argv, cwd=module, env=env, capture_output=True, text=True, check=True)
    if found.stdout:
        sys.exit(f"not formatted by gofmt, in {module}:\n{found.stdout}")


CONFIG = """\
[proxy]
listen_address = []
[[nodes]]
host = "127.0.0.1"
port = {port}
"""


def run_example(directory, env):
    check_format(directory, env)
    run(["go", "vet", "./..."], directory, env)
    with tempfile.TemporaryDirectory() as place:
        config = Path(place, "heimproxy.toml")
        config.write_text(CONFIG.format(port=env["HEIM_TEST_PORT"]))
        argv = ["go", "run", ".", str(config), "postgres", "postgres"]
        done = subprocess.run(argv, cwd=directory, env=env, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    said = done.stdout.splitlines()
    if done.returncode or not said[0].endswith(" tables") or "pool of postgres" not in said[-1]:
        sys.exit("the example said something else")


def test(module, root, env):
    for directory in (module, module / "internal" / "drivers"):
        check_format(directory, env)
        run(["go", "vet", "./..."], directory, env)
        run(["go", "test", "-race", "-count=1", "-timeout=300s", "./..."], directory, env)
    run_example(root / "examples" / "go-pgx", env)


def main():
    what, module, library, pkg_config, *ports = sys.argv[1:]
    module = Path(module)
    if not shutil.which("go"):
        print("skipped: no Go toolchain (go) on this machine")
        return 77
    root = module.parents[1]
    env = environment(root, str(Path(library).parent), pkg_config, ports)
    if what == "tests":
        test(module, root, env)
    else:
        cases = root / "bindings/spec" / {"spec": "cases", "cluster": "cluster"}[what]
        run(["go", "run", "-race", "./internal/spec", str(cases), *ports], module, env)
    return 0


if __name__ == "__main__":
    sys.exit(main())
