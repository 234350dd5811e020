"""The chart in deploy/helm: its values, its manifests, and that Wharf accepts each setting that it writes."""

import json
import os
import tarfile
from pathlib import Path

import pytest
from process import PATH, TOOLS, environment, run

CHART = Path(__file__).parents[2] / "deploy/helm/wharf"
PYTHON = TOOLS / "kubernetes/bin/python"
ACCOUNT = "123456789012"

EMBEDDED = {"bootstrap": {"accountId": ACCOUNT}}
SCALED = {
    "mode": "scaled",
    "bootstrap": {"accountId": ACCOUNT, "existingSecret": "first"},
    "masterKey": {"existingSecret": "master-key"},
    "database": {"existingSecret": "database"},
    "s3": {"url": "s3://layers/prod"},
}
EVERYTHING = SCALED | {
    "config": "[collection]\ngrace_seconds = 3600\n[rates]\nenabled = true\n",
    "s3": {
        "url": "s3://layers/prod",
        "endpoint": "http://s3.internal:9000",
        "publicEndpoint": "https://s3.example.org",
        "region": "eu-west-1",
        "serve": "redirect",
        "accessKeyId": "AKIAEXAMPLE",
        "existingSecret": "s3",
    },
    "tls": {"existingSecret": "tls"},
    "server": {
        "publicSuffix": "registry.example.org",
        "publicHost": "registry.example.org",
        "trustedProxies": ["192.0.2.10/32", "192.0.2.11/32"],
    },
    "autoscaling": {"enabled": True},
    "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["*.registry.example.org"]},
    "podLabels": {"team": "platform"},
    "podAnnotations": {"note": "1"},
    "extraEnv": [{"name": "WHARF_LOG", "value": "warn"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "tolerations": [{"operator": "Exists"}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
}
SETS = {"defaults": {}, "embedded": EMBEDDED, "scaled": SCALED, "everything": EVERYTHING}


@pytest.fixture
def helm(env):
    return lambda *words, **options: run(["helm", *words], env=env, **options)


@pytest.fixture
def rendered(helm, env, tmp_path):
    """The manifests for some values: the path of the file, and the objects by kind."""

    def render(values, **options):
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        said = helm("template", "registry", CHART, "--namespace", "wharf", "--values", file, **options)
        if options.get("refused"):
            return said
        path = tmp_path / "manifests.yaml"
        path.write_text(said)
        read = "import json, sys, yaml; print(json.dumps([o for o in yaml.safe_load_all(sys.stdin) if o]))"
        objects = json.loads(run([PYTHON, "-c", read], env=env, input=said))
        return path, {thing["kind"]: thing for thing in objects}

    return render


@pytest.mark.parametrize("name", SETS)
def test_lint_and_schemas_of_kubernetes(helm, rendered, env, tmp_path, name):
    path, objects = rendered(SETS[name])
    helm("lint", "--strict", CHART, "--values", tmp_path / "values.json")
    # The validator tells about kinds without a schema on standard error, and about others by its exit code.
    validate = [TOOLS / "kubernetes/bin/kubernetes-validate", "-k", "1.37", "--strict", path]
    run(validate, env=env)
    expected = {"ServiceAccount", "ConfigMap", "Service"}
    expected |= {"Deployment", "PodDisruptionBudget"} if "mode" in SETS[name] else {"StatefulSet"}
    if name == "everything":
        expected |= {"HorizontalPodAutoscaler", "NetworkPolicy", "ServiceMonitor", "HTTPRoute"}
    assert set(objects) == expected


def test_a_wrong_manifest_is_found(rendered, env):
    path, _ = rendered({})
    path.write_text(path.read_text().replace("periodSeconds: 10", "periodSeconds: ten"))
    run([TOOLS / "kubernetes/bin/kubernetes-validate", "-k", "1.37", "--strict", path], env=env, refused=True)


def container(objects):
    owner = objects.get("Deployment") or objects["StatefulSet"]
    pod = owner["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


@pytest.mark.parametrize("name", SETS)
def test_wharf_accepts_each_setting_of_the_chart(rendered, tmp_path, name):
    """`wharf config check` reads the file and the environment of the container, with files of the secrets."""
    _, objects = rendered(SETS[name])
    pod, wharf = container(objects)
    root = tmp_path / "root"
    run(["mkdir", "-p", root], env=environment(tmp_path))
    settings = {}
    for variable in wharf["env"]:
        value = variable.get("value") or {
            "access-key-id": "AKIAIOSFODNN7EXAMPLE",
            "url": "postgres://wharf:secret@database/wharf",
        }[variable["valueFrom"]["secretKeyRef"]["key"]]
        settings[variable["name"]] = value.replace("/etc/wharf", str(root))
    config = root / "config/wharf.toml"
    config.parent.mkdir()
    config.write_text(objects["ConfigMap"]["data"]["wharf.toml"])
    assert wharf["args"] == ["serve", "--config", "/etc/wharf/config/wharf.toml"]
    mounts = {mount["mountPath"]: mount["name"] for mount in wharf["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]} | {"data"}
    for path in [value for value in settings.values() if value.startswith(f"{root}/")]:
        # Each file is in a volume of a secret, under the name of the secret's key.
        folder = Path(path).parent
        assert f"/etc/wharf/{folder.name}" in mounts
        folder.mkdir(exist_ok=True)
        Path(path).write_text("a-secret-of-the-test\n")
        os.chmod(path, 0o600)
    if "WHARF__SERVER__TLS__KEY" in settings:
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        words += ["-keyout", root / "tls/tls.key", "-out", root / "tls/tls.crt", "-subj", "/CN=registry"]
        run(words, env=environment(tmp_path))
    check = [os.environ["WHARF_BIN"], "config", "check", config]
    assert "is valid: listens on 0.0.0.0:5100" in run(check, env={"PATH": PATH} | settings)
    wrong = settings | {"WHARF__SERVER__MISSPELT": "1"}
    assert "misspelt" in run(check, env={"PATH": PATH} | wrong, refused=True)


def test_pods_are_confined_and_probed(rendered):
    for values in SETS.values():
        _, objects = rendered(values)
        pod, wharf = container(objects)
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        confined = wharf["securityContext"]
        assert confined["readOnlyRootFilesystem"] and not confined["allowPrivilegeEscalation"]
        assert confined["capabilities"] == {"drop": ["ALL"]}
        scheme = "HTTPS" if "tls" in values else "HTTP"
        for probe, path in [("readinessProbe", "/readyz"), ("livenessProbe", "/healthz"), ("startupProbe", "/healthz")]:
            assert wharf[probe]["httpGet"] == {"path": path, "port": "registry", "scheme": scheme}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"mode": "scaled"}, "database.existingSecret is missing"),
        (SCALED | {"masterKey": {}}, "masterKey.existingSecret is missing"),
        (SCALED | {"s3": {}}, "s3.url is missing"),
        (SCALED | {"bootstrap": {"accountId": ACCOUNT}}, "bootstrap.existingSecret is missing"),
        ({"server": {"drainSeconds": 60}}, "terminationGracePeriodSeconds must exceed"),
        ({"bootstrap": {"accountId": "12"}}, "does not match pattern"),
        ({"bootstrap": {"accountId": 123456789012}}, "got number, want string"),
        ({"replicas": 3}, "additional properties 'replicas' not allowed"),
        ({"mode": "cluster"}, "value must be one of"),
        ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs is missing"),
    ],
)
def test_values_that_cannot_work_are_refused(rendered, values, complaint):
    assert complaint in rendered(values, refused=True)


def test_every_value_has_a_place_in_the_schema(env):
    """A value that the schema does not know could not be set."""
    read = f"import json, yaml; print(json.dumps(yaml.safe_load(open({str(CHART / 'values.yaml')!r}))))"
    values = json.loads(run([PYTHON, "-c", read], env=env))
    schema = json.loads((CHART / "values.schema.json").read_text())

    def compare(values, schema, path):
        for key, value in values.items():
            assert key in schema["properties"], f"{path}{key}"
            if isinstance(value, dict) and "properties" in schema["properties"][key]:
                compare(value, schema["properties"][key], f"{path}{key}.")

    compare(values, schema, "")
    assert set(schema["properties"]) - set(values) == {"global"}


def test_the_chart_is_pushed_to_wharf_and_pulled(helm, wharf, tmp_path):
    wharf.aws("ecr", "create-repository", "--repository-name", "charts/wharf")
    helm("package", CHART, "--destination", tmp_path)
    (packed,) = tmp_path.glob("wharf-*.tgz")
    helm("push", packed, f"oci://{wharf.registry}/charts", "--plain-http")
    (tmp_path / "back").mkdir()
    helm("pull", f"oci://{wharf.registry}/charts/wharf", "--plain-http", "--destination", tmp_path / "back")
    assert (tmp_path / "back" / packed.name).read_bytes() == packed.read_bytes()
    with tarfile.open(packed) as tar:
        assert {"wharf/values.schema.json", "wharf/templates/deployment.yaml"} <= set(tar.getnames())
    shown = helm("template", "r", tmp_path / "back" / packed.name)
    assert "kind: StatefulSet" in shown
