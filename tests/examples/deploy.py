"""The files under examples/ that deploy heimproxyd: well-formed, whole, and it takes what they say.

    deploy.py EXAMPLES HEIMPROXYD

No cluster and no container engine: what refers to something else finds it, and a key that is not
known here is an error, so that a wrong name is.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

WORKLOAD = {"replicas", "selector", "template"}
POD = {"terminationGracePeriodSeconds", "initContainers", "containers", "volumes"}
CONTAINER = {"name", "image", "restartPolicy", "args", "env", "ports", "startupProbe",
             "livenessProbe", "resources", "securityContext", "volumeMounts"}
PROBE = {"httpGet", "periodSeconds", "failureThreshold"}
SERVICE = {"image", "environment", "volumes", "healthcheck", "build", "depends_on", "command",
           "ports", "read_only", "stop_signal", "stop_grace_period"}


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


def known(mapping, keys, where):
    need(isinstance(mapping, dict), f"{where}: no mapping")
    need(not set(mapping) - keys, f"{where}: unknown keys {sorted(set(mapping) - keys)}")


def check_config(heimproxyd, text, **variables):
    with tempfile.TemporaryDirectory() as directory:
        # A file that the configuration names is there once it is deployed.
        users = Path(directory) / "userlist.txt"
        users.write_text('"app" "app-secret"\n')
        path = Path(directory) / "heimproxy.toml"
        path.write_text(text.replace("/run/secrets/heimproxy/userlist.txt", str(users)))
        env = {**os.environ, **variables}
        argv = [heimproxyd, "--check", path]
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
    need(done.returncode == 0, f"heimproxy.toml: {done.stdout}{done.stderr}")


# Kubernetes


def check_container(container, volumes, secrets):
    where = container.get("name", "a container")
    known(container, CONTAINER, where)
    need(container.get("image"), f"{where}: no image")
    for mount in container.get("volumeMounts", []):
        need(mount["name"] in volumes, f"{where}: no volume {mount['name']}")
        need(mount["mountPath"].startswith("/"), f"{where}: {mount['mountPath']} is no path")
    for variable in container.get("env", []):
        known(variable, {"name", "value", "valueFrom"}, f"{where}: env")
        need(isinstance(variable.get("value", ""), str), f"{where}: {variable['name']} is no text")
        source = variable.get("valueFrom", {}).get("secretKeyRef")
        need(not source or source["name"] in secrets, f"{where}: secret {source}")
    ports = {port["name"] for port in container.get("ports", [])}
    for kind in ("startupProbe", "livenessProbe"):
        probe = container.get(kind)
        if probe:
            known(probe, PROBE, f"{where}: {kind}")
            known(probe["httpGet"], {"path", "port"}, f"{where}: {kind}")
            need(probe["httpGet"]["port"] in ports, f"{where}: {kind}: no such port")


def check_deployment(deployment, maps, secrets):
    spec = deployment["spec"]
    known(spec, WORKLOAD, "spec")
    template = spec["template"]
    need(spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items(),
         "the selector does not select the template")
    pod = template["spec"]
    known(pod, POD, "pod")
    volumes = {}
    for volume in pod["volumes"]:
        known(volume, {"name", "configMap", "secret"}, "volume")
        volumes[volume["name"]] = volume
        if "configMap" in volume:
            need(volume["configMap"]["name"] in maps, f"no ConfigMap for {volume['name']}")
        else:
            need(volume["secret"]["secretName"] in secrets, f"no secret for {volume['name']}")
    for container in pod["initContainers"] + pod["containers"]:
        check_container(container, volumes, secrets)
    need(pod["containers"], "no application")


def kubernetes(text, heimproxyd):
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        known(document, {"apiVersion", "kind", "metadata", "spec", "data"}, document.get("kind"))
        need(document["metadata"]["name"], "no name")
    of_kind = {document["kind"]: document for document in documents}
    need(set(of_kind) == {"ConfigMap", "Deployment"}, f"kinds {sorted(of_kind)}")
    need(of_kind["ConfigMap"]["apiVersion"] == "v1", "ConfigMap: apiVersion")
    need(of_kind["Deployment"]["apiVersion"] == "apps/v1", "Deployment: apiVersion")
    maps = {of_kind["ConfigMap"]["metadata"]["name"]}
    check_deployment(of_kind["Deployment"], maps, {"heimproxy"})
    config = of_kind["ConfigMap"]["data"]["heimproxy.toml"]
    check_config(heimproxyd, config, MONITOR_PASSWORD="secret")


# docker compose


def check_service(name, service, services, directory):
    known(service, SERVICE, name)
    need(service.get("image") or service.get("build"), f"{name}: no image")
    for volume in service.get("volumes", []):
        source, target, mode = volume.split(":")
        need((directory / source).is_file(), f"{name}: no file {source}")
        need(target.startswith("/") and mode == "ro", f"{name}: volume {volume}")
    for other, how in service.get("depends_on", {}).items():
        need(other in services, f"{name}: no service {other}")
        waits = how["condition"] == "service_healthy"
        need(not waits or "healthcheck" in services[other], f"{other}: no health check")
    build = service.get("build")
    if build:
        context = directory / build["context"]
        need((context / build["dockerfile"]).is_file(), f"{name}: no Dockerfile")
        need((context / "dev").is_file(), f"{name}: the context is not the checkout")


def compose(text, heimproxyd, directory):
    document = yaml.safe_load(text)
    known(document, {"services"}, "compose.yaml")
    services = document["services"]
    for name, service in services.items():
        check_service(name, service, services, directory)
    config = (directory / "heimproxy.toml").read_text()
    need('host = "postgres"' in config and "postgres" in services, "no service of the node's name")
    check_config(heimproxyd, config, **services["heimproxy"]["environment"])


# What has to be found wrong: (file, text, its replacement).
MISTAKES = [
    ("kubernetes", "- name: configuration\n              mount", "- name: konfiguration\n"
     "              mount"),
    ("kubernetes", "livenessProbe", "liveness"),
    ("kubernetes", "port: health", "port: healthy"),
    ("kubernetes", "matchLabels:\n      app: shop", "matchLabels:\n      app: ship"),
    ("kubernetes", "listen_address", "listen_adress"),
    ("kubernetes", "image: shop:1.0", "imagine: shop:1.0"),
    ("kubernetes", "      volumes:", "     volumes:"),
    ("docker-compose", "condition: service_healthy", "condition: [service_healthy"),
    ("docker-compose", "      postgres:\n        condition", "      postgre:\n        condition"),
    ("docker-compose", "./app.sql", "./ap.sql"),
    ("docker-compose", "POSTGRES_PASSWORD: postgres-secret\n    command",
     "PASSWORD: postgres-secret\n    command"),
    ("docker-compose", "healthcheck:", "health:"),
]


def main():
    examples, heimproxyd = Path(sys.argv[1]), sys.argv[2]
    files = {
        "kubernetes": examples / "kubernetes/sidecar.yaml",
        "docker-compose": examples / "docker-compose/compose.yaml",
    }

    def check(name, text):
        if name == "kubernetes":
            kubernetes(text, heimproxyd)
        else:
            compose(text, heimproxyd, files[name].parent)

    for name, path in files.items():
        check(name, path.read_text())
    for name, text, replacement in MISTAKES:
        right = files[name].read_text()
        assert text in right, text
        try:
            check(name, right.replace(text, replacement, 1))
        except (Wrong, yaml.YAMLError, KeyError):
            continue
        raise Wrong(f"not seen: {replacement}")
    print(f"{len(files)} examples, {len(MISTAKES)} mistakes seen")


if __name__ == "__main__":
    main()
