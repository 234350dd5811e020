"""A registry as GHCR, Harbor and GitLab are: tokens of a service for one repository each, no list of repositories, tags by
pages, no Referrers API, and blobs at another host that refuses credentials."""

import base64
import http.server
import json
import secrets
import threading
import time
import urllib.parse

import images

LOGIN = ("reader", "correct horse")
# What a page has at most, whatever the client asks for.
PAGE = 2


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        registry, path = self.server.registry, urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(path.query))
        role, authorization = self.server.role, self.headers.get("Authorization")
        registry.requests.append((role, f"{self.command} {self.path}", authorization))
        if role == "files":
            return self.file(path.path, authorization)
        if path.path == registry.realm and role in ("service", registry.service_role):
            return self.token(query, authorization)
        if role == "service":
            return self.answer(404)
        return self.registry(path.path, query, authorization)

    def file(self, path, authorization):
        """A signed URL of a store of objects, which takes no other credentials."""
        time.sleep(self.server.registry.delay)
        content = self.server.registry.blobs.get(path.rsplit("/", 1)[1])
        if authorization:
            return self.answer(400)
        return self.answer(200, content) if content is not None else self.answer(404)

    def token(self, query, authorization):
        registry = self.server.registry
        login = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
        if query.get("service") != registry.service or authorization not in (None, login):
            return self.answer(401)
        if authorization is None and not registry.is_public:
            return self.answer(401)
        token = secrets.token_urlsafe(32)
        registry.tokens[token] = query.get("scope", "")
        member = "access_token" if registry.is_oauth else "token"
        return self.answer(200, json.dumps({member: token, "expires_in": 300}).encode(), "application/json")

    def registry(self, path, query, authorization):
        registry = self.server.registry
        parts = path.removeprefix("/v2/").split("/")
        kind = next((kind for kind in ("manifests", "blobs", "tags", "referrers") if kind in parts), None)
        name = "/".join(parts[: parts.index(kind)]) if kind else ""
        scope = f"repository:{name}:pull" if kind else ""
        token = (authorization or "").removeprefix("Bearer ")
        if token not in registry.tokens or (kind and registry.tokens[token] != scope):
            challenge = f'Bearer realm="{registry.realm_url}",service="{registry.service}"'
            challenge += f',scope="{scope or "repository:user/image:pull"}"'
            return self.answer(401, b"{}", "application/json", {"WWW-Authenticate": challenge})
        last = parts[-1]
        if kind == "manifests" and (found := registry.manifests.get((name, last))):
            headers = {"Docker-Content-Digest": images.digest_of(found[1])}
            return self.answer(200, found[1], found[0], headers)
        if kind == "blobs" and last in registry.blobs and name in registry.names():
            url = f"http://{registry.files}/store/{last}"
            return self.answer(307, b"", headers={"Location": f"{url}?signature=x"})
        if kind == "tags" and (tags := registry.tags(name)):
            after = [tag for tag in tags if tag > query.get("last", "")]
            page, headers = after[:PAGE], {}
            if len(after) > PAGE:
                link = f"/v2/{name}/tags/list?last={page[-1]}&n={PAGE}"
                headers = {"Link": f'<{link}>; rel="next"'}
            body = json.dumps({"name": name, "tags": page}).encode()
            return self.answer(200, body, "application/json", headers)
        return self.answer(200 if path == "/v2/" else 404, b"{}", "application/json")

    def answer(self, status, content=b"", media_type="application/octet-stream", headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": media_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *words):
        pass


class TokenRegistry:
    """`has_own_service`: the token service has another host (GitLab). `is_public`: everyone gets tokens."""

    def __init__(self, realm="/token", service="registry.test", has_own_service=False, is_public=False, is_oauth=False):
        self.realm, self.service, self.is_public, self.is_oauth = realm, service, is_public, is_oauth
        self.manifests, self.blobs, self.tokens, self.requests = {}, {}, {}, []
        self.servers, self.delay = {}, 0
        self.address, self.files = self.start("registry"), self.start("files")
        self.service_role = "registry"
        at = self.address
        if has_own_service:
            self.service_role, at = "service", self.start("service", "127.0.0.2")
        self.service_address = at
        self.realm_url = f"http://{at}{realm}"

    def start(self, role, host="127.0.0.1"):
        server = http.server.ThreadingHTTPServer((host, 0), Handler)
        server.daemon_threads, server.registry, server.role = True, self, role
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers[role] = server
        return f"{host}:{server.server_address[1]}"

    def stop(self):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def names(self):
        return {name for name, _ in self.manifests}

    def tags(self, name):
        return sorted(reference for of, reference in self.manifests if of == name and ":" not in reference)

    def blob(self, media_type, content):
        self.blobs[images.digest_of(content)] = content
        return {"mediaType": media_type, "digest": images.digest_of(content), "size": len(content)}

    def manifest(self, name, tag, body, media_type=images.MANIFEST):
        """Adds a manifest; returns its descriptor."""
        content = json.dumps({"schemaVersion": 2, "mediaType": media_type, **body}).encode()
        digest = images.digest_of(content)
        for reference in filter(None, (tag, digest)):
            self.manifests[name, reference] = (media_type, content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def image(self, name, tag, text, **more):
        config = self.blob(images.CONFIG, json.dumps({"of": text}).encode())
        layer = self.blob(images.LAYER, images.noise(2000))
        return self.manifest(name, tag, {"config": config, "layers": [layer], **more})

    def authorizations(self, role):
        return {authorization for at, _, authorization in self.requests if at == role}
