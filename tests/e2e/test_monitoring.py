"""The alerts in deploy/prometheus and the dashboard in deploy/grafana: each expression parses, and names metrics and labels
that a running server has."""

import json
import re
import socket
from pathlib import Path

import images
import pytest
from process import free_port, run, wait_until
from server import Wharf

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus/wharf.rules.yml"
UNIT_TESTS = DEPLOY / "prometheus/wharf.test.yml"
THERE = "eu-west-1"


@pytest.fixture(scope="module")
def exposed(tmp_path_factory):
    """The metrics of a server after requests that were served, refused, cut off, limited and replicated."""
    port = free_port()
    settings = {"WHARF__METRICS__LISTEN": f"127.0.0.1:{port}", "WHARF__RATES__PUT_IMAGE": "1"}
    server = Wharf(tmp_path_factory.mktemp("monitoring"), settings)
    folder = tmp_path_factory.mktemp("clients")
    try:
        ecr = server.client("ecr")
        rule = {"destinations": [{"region": THERE, "registryId": server.account}]}
        ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
        name = server.repository("monitoring")
        made = images.layout(folder / "made", size=8 << 20)
        env = server.logged_in(folder)
        run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, f"docker://{server.ref(name)}"], env=env)
        assert {server.http(method, f"/v2/{name}/manifests/missing")[0] for method in ("GET", "HEAD")} == {404}
        assert ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "latest"}])["images"]
        manifest = (made.folder / "blobs" / made.digest.replace(":", "/")).read_bytes()
        statuses = {server.http("PUT", f"/v2/{name}/manifests/t{n}", manifest, typed())[0] for n in range(20)}
        assert statuses == {201, 429}
        leave_early(server, f"/v2/{name}/blobs/{made.layers[0]}")
        ask = ["curl", "-fsS", f"http://127.0.0.1:{port}/metrics"]
        seen = lambda: "wharf_http_cut_answers_total" in (said := run(ask, env=env)) and said
        yield wait_until(seen, "the answer that was cut")
    finally:
        server.stop()


def typed():
    return {"Content-Type": images.MANIFEST}


def leave_early(server, path):
    """Begins a download and closes the connection."""
    host, port = server.registry.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = f"GET {path} HTTP/1.1\r\nHost: {server.registry}\r\nAuthorization: {server.basic}\r\n\r\n"
        client.sendall(head.encode())
        assert b"200 OK" in client.recv(64)


def names_of(exposed):
    """The names in Prometheus: of each line, and of the histograms' parts."""
    return {line.split("{")[0].split(" ")[0] for line in exposed.splitlines() if not line.startswith("#")}


def expressions():
    """Each expression of the dashboard, with values for Grafana's variables."""
    board = json.loads((DEPLOY / "grafana/wharf.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
            assert "$" not in text, text
            yield f"{panel['title']}: {target['refId']}", text


def test_the_rules_are_valid_and_tested(env):
    run(["promtool", "check", "rules", RULES], env=env)
    run(["promtool", "test", "rules", UNIT_TESTS], env=env)
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    assert alerts and sorted(alerts) == sorted(set(re.findall(r"alertname: (\w+)", UNIT_TESTS.read_text())))


def test_a_wrong_rule_fails_its_test(env, tmp_path):
    (tmp_path / RULES.name).write_text(RULES.read_text().replace("> 900", "> 9000"))
    (tmp_path / UNIT_TESTS.name).write_text(UNIT_TESTS.read_text())
    said = run(["promtool", "test", "rules", tmp_path / UNIT_TESTS.name], env=env, refused=True)
    assert "WharfReplicationLag" in said


def test_each_expression_of_the_dashboard_parses(env, tmp_path):
    rules = [{"record": f"panel:{n}", "expr": text} for n, (_, text) in enumerate(expressions())]
    assert len(rules) > 25
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in run(["promtool", "check", "rules", file], env=env)
    rules[3]["expr"] += ")"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    run(["promtool", "check", "rules", file], env=env, refused=True)


def test_each_metric_of_rules_and_dashboard_exists(exposed):
    there = names_of(exposed)
    used = set(re.findall(r"\bwharf_[a-z0-9_]+", RULES.read_text()))
    for _, text in expressions():
        used |= set(re.findall(r"\bwharf_[a-z0-9_]+", text))
    assert len(used) > 20 and used <= there, used - there


def test_each_metric_of_the_server_is_in_the_dashboard(exposed):
    """A metric that nobody sees is not worth its memory."""
    shown = {name for _, text in expressions() for name in re.findall(r"\bwharf_[a-z0-9_]+", text)}
    parts = {f"wharf_http_request_seconds_{part}" for part in ("sum", "count")}
    assert names_of(exposed) - shown == parts


def test_each_label_value_of_the_rules_exists(exposed):
    """The operations and reasons that alerts name are those of the server."""
    operations = set(re.search(r'operation=~"([^"]+)"', RULES.read_text()).group(1).split("|"))
    assert operations <= set(re.findall(r'operation="([^"]+)"', exposed))
    (reason,) = re.findall(r'reason="([^"]+)"', RULES.read_text())
    sources = (DEPLOY.parent / "crates/server/src").rglob("*.rs")
    assert any(f'"{reason}"' in source.read_text() for source in sources)
    kinds = re.search(r'kind=~"([^"]+)"', RULES.read_text()).group(1).split("|")
    assert set(kinds) < set(re.findall(r'kind="([^"]+)"', exposed))
