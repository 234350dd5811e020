"""Pulls through the cache from an upstream registry that accepts connections and hangs, sends a byte a second, or limits
requests: pulls end in time, what is stored is served, and nothing stays open."""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import threading
import time

import images
import pytest
from process import environment, run, wait_until
from server import Wharf
from upstream import rule

# The longest waits of the server: for the head of an answer, and for its next byte; of a client for a small layer, as this
# server is set; and for a tag that is stored here. A busy machine has a little more. (What trickles for longer than its whole
# time is tested with short times in crates/upstream/tests/it/hostile.rs.)
HEAD, IDLE, SENT, STORED, MORE = 20, 30, 20, 5, 6
# The bytes of a layer that comes byte by byte, one in a second: it outlives its client.
DRIPS = 45
CONFIG = b"{}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        site = self.server.site
        site.requests.append(f"{self.command} {self.path}")
        mood = next((mood for text, mood in site.moods.items() if text in self.path), "well")
        content = site.files.get(self.path, b"")
        status = {"limited": 429}.get(mood, 200 if content or self.path == "/v2/" else 404)
        with site.counting():
            if mood == "silent":
                return self.wait()
            self.send_response(status)
            if status == 429:
                content = b""
                self.send_header("Retry-After", str(site.retry_after))
            self.send_header("Content-Type", images.MANIFEST if "/manifests/" in self.path else "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.flush()
            if self.command == "HEAD":
                return None
            if mood == "stuck":
                return self.wait()
            if mood == "drips":
                return self.drip(content)
            with contextlib.suppress(ConnectionError):
                self.wfile.write(content)
            return None

    def wait(self):
        """Until the other side has closed the connection."""
        self.close_connection = True
        self.connection.settimeout(2 * IDLE)
        try:
            self.connection.recv(1)
        except OSError:
            pass

    def drip(self, content):
        self.close_connection = True
        self.connection.settimeout(1)
        for at in range(len(content)):
            try:
                self.wfile.write(content[at : at + 1])
                self.wfile.flush()
                if self.connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def log_message(self, *words):
        pass


class Site:
    """A registry whose answers depend on a part of the path."""

    def __init__(self):
        self.files, self.moods, self.requests = {}, {}, []
        self.retry_after, self.open, self.lock = 15, 0, threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.site = True, self
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def counting(self):
        """Counts the requests that are not answered yet."""
        site = self

        class Count:
            def __enter__(self):
                with site.lock:
                    site.open += 1

            def __exit__(self, *_):
                with site.lock:
                    site.open -= 1

        return Count()

    def asked(self, text):
        return sum(text in line for line in self.requests)

    def image(self, name, tag, layer):
        blobs = {images.digest_of(content): content for content in (CONFIG, layer)}
        for digest, content in blobs.items():
            self.files[f"/v2/{name}/blobs/{digest}"] = content
        config, digest = blobs
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": images.MANIFEST,
                "config": {"mediaType": images.CONFIG, "digest": config, "size": len(CONFIG)},
                "layers": [{"mediaType": images.LAYER, "digest": digest, "size": len(layer)}],
            }
        ).encode()
        for reference in (tag, images.digest_of(manifest)):
            self.files[f"/v2/{name}/manifests/{reference}"] = manifest
        return images.digest_of(manifest), digest


@pytest.fixture
def site():
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


def get(wharf, path, method="GET"):
    """Status, body as far as it came, whether it is complete, and the time."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(wharf.registry, timeout=2 * IDLE)
    try:
        connection.request(method, f"/v2/{path}", headers={"Authorization": wharf.basic})
        answer = connection.getresponse()
        try:
            body, is_complete = answer.read(), True
        except http.client.IncompleteRead as error:
            body, is_complete = error.partial, False
        return answer.status, body, is_complete, time.monotonic() - began
    finally:
        connection.close()


def test_a_pull_from_an_upstream_that_hangs_ends(tmp_path, site):
    wharf = Wharf(tmp_path / "server", {"WHARF__SERVER__LIMITS__BODY_GRACE_SECONDS": str(SENT)})
    try:
        pulls_end(wharf, site)
    finally:
        wharf.stop()


def pulls_end(wharf, site):
    prefix = rule(wharf, site)
    # A name for each way to hang, and whether a layer hangs or the manifest.
    manifests = {"silent": HEAD, "stuck": IDLE}
    layers = {"silent": HEAD, "stuck": IDLE, "drips": SENT}
    long, digests = images.noise(DRIPS - 6), {}
    for mood in manifests:
        site.image(f"manifest-{mood}/app", "v1", CONFIG + mood.encode())
        site.moods[f"manifest-{mood}/app/manifests"] = mood
    for mood in layers:
        _, digests[mood] = site.image(f"layer-{mood}/app", "v1", long + mood.encode())
        site.moods[f"layer-{mood}/app/blobs/{digests[mood]}"] = mood
        assert get(wharf, f"{prefix}/layer-{mood}/app/manifests/v1")[0] == 200
    stored, _ = site.image("stored/app", "v1", b"a stored layer")
    assert get(wharf, f"{prefix}/stored/app/manifests/v1")[0] == 200

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asked = {
            (kind, mood): pool.submit(get, wharf, f"{prefix}/{kind}-{mood}/app/{path}")
            for kind, moods in (("manifest", manifests), ("layer", layers))
            for mood in moods
            for path in ["manifests/v1" if kind == "manifest" else f"blobs/{digests[mood]}"]
        }
        head = pool.submit(get, wharf, f"{prefix}/layer-silent/app/blobs/{digests['silent']}", "HEAD")
        wait_until(lambda: site.open >= 5, "pulls that hang")
        # Meanwhile others are served: from the store, and from the upstream registry.
        wharf.aws("ecr", "describe-repositories")
        site.image("quick/app", "v1", b"a quick layer")
        status, _, _, took = get(wharf, f"{prefix}/quick/app/manifests/v1")
        assert status == 200 and took < HEAD, took
        site.moods["stored/app"] = "silent"
        refresh(wharf, f"{prefix}/stored/app")
        status, body, _, took = get(wharf, f"{prefix}/stored/app/manifests/v1")
        assert (status, images.digest_of(body)) == (200, stored)
        assert STORED - 1 < took < STORED + MORE, "the upstream registry was asked, and not waited for"

        for (kind, mood), answer in asked.items():
            status, body, is_complete, took = answer.result()
            most = {"manifest": manifests, "layer": layers}[kind][mood] + MORE
            print(f"{kind} {mood}: {status}, {len(body)} bytes, {took:.1f} s")
            assert took < most, (kind, mood, took)
            assert status == 502 or not is_complete, (kind, mood, status)
            if status == 502 and kind == "manifest":
                (error,) = json.loads(body)["errors"]
                assert error["code"] == "UNAVAILABLE" and "upstream registry" in error["message"], error
        status, _, _, took = head.result()
        assert status == 502 and took < HEAD + MORE, (status, took)
    # Connections, and the places of the account, are free again.
    wait_until(lambda: site.open == 0, "connections that hung", seconds=DRIPS + MORE)
    site.moods.clear()
    for number in range(20):
        site.image("after/app", f"v{number}", b"a layer after it")
        status, _, _, took = get(wharf, f"{prefix}/after/app/manifests/v{number}")
        assert status == 200 and took < HEAD, (number, status, took)
    # A failure is remembered for some seconds.
    layer = f"{prefix}/layer-drips/app/blobs/{digests['drips']}"
    wait_until(lambda: images.digest_of(get(wharf, layer)[1]) == digests["drips"], "the layer", seconds=STORED)


def test_an_upstream_that_limits_requests_is_left_alone(wharf, site):
    prefix = rule(wharf, site)
    name = f"{prefix}/team/app"
    stored, _ = site.image("team/app", "v1", b"a stored layer")
    assert get(wharf, f"{name}/manifests/v1")[0] == 200
    wanted, _ = site.image("team/app", "v2", b"a layer of the next image")
    site.moods["team/app/manifests"] = "limited"
    limited = time.monotonic()
    for _ in range(5):
        status, body, _, _ = get(wharf, f"{name}/manifests/v2")
        (error,) = json.loads(body)["errors"]
        assert (status, error["code"]) == (429, "TOOMANYREQUESTS")
        said = "The upstream registry 127.0.0.1 answered that there were too many requests."
        assert error["message"] == said
    answer = wharf.client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v2"}])
    (failure,) = answer["failures"]
    assert (failure["failureCode"], failure["failureReason"]) == ("UpstreamTooManyRequests", said)
    assert site.asked("/team/app/manifests/v2") == 1, "it is not asked again before its time"
    # What is stored is served, also when it is due.
    refresh(wharf, name)
    status, body, _, _ = get(wharf, f"{name}/manifests/v1")
    assert (status, images.digest_of(body)) == (200, stored)
    assert site.asked("HEAD /v2/team/app/manifests/v1") == 1
    site.moods.clear()
    took = time.monotonic() - limited
    if took < site.retry_after - 0.5:
        assert get(wharf, f"{name}/manifests/v2")[0] == 429
        assert site.asked("/team/app/manifests/v2") == 1
    wait_until(lambda: get(wharf, f"{name}/manifests/v2")[0] == 200, "the image", seconds=30)
    assert images.digest_of(get(wharf, f"{name}/manifests/v2")[1]) == wanted


def refresh(wharf, name):
    """Has the tags of a repository compared at their next pull."""
    run([wharf.binary, "cache", "refresh", name], env=environment(wharf.home, wharf.env))
