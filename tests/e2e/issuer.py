"""An OIDC issuer like a Kubernetes cluster: a discovery document and keys over HTTPS, with its own certificate
authority, and tokens of service accounts."""

import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import rsa
from process import run


def _coded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value):
    return _coded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _certificate(folder, ca, env):
    """A certificate authority, and its certificate for loopback."""
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = ["-x509", "-days", "2", "-subj", "/CN=issuer CA", "-addext", "basicConstraints=critical,CA:TRUE"]
    run([*new, *authority, "-keyout", "issuer-ca.key", "-out", ca], env=env, cwd=folder)
    run([*new, "-subj", "/CN=issuer", "-keyout", "issuer.key", "-out", "issuer.csr"], env=env, cwd=folder)
    (folder / "issuer.ext").write_text("subjectAltName=IP:127.0.0.1")
    sign = ["openssl", "x509", "-req", "-in", "issuer.csr", "-CA", ca, "-CAkey", "issuer-ca.key", "-CAcreateserial"]
    run([*sign, "-days", "2", "-extfile", "issuer.ext", "-out", "issuer.pem"], env=env, cwd=folder)
    return folder / "issuer.pem", folder / "issuer.key"


class Issuer:
    """An issuer on loopback; it runs until `stop`."""

    def __init__(self, folder, env):
        self.public, self._private = rsa.newkeys(2048)
        self.ca = folder / "issuer-ca.pem"
        certificate, key = _certificate(folder, self.ca, env)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                content = issuer._pages().get(self.path)
                self.send_response(200 if content else 404)
                body = json.dumps(content or {}).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def _pages(self):
        key = {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256"}
        key |= {"n": _number(self.public.n), "e": _number(self.public.e)}
        discovery = {"issuer": self.url, "jwks_uri": f"{self.url}/openid/v1/jwks"}
        return {"/.well-known/openid-configuration": discovery, "/openid/v1/jwks": {"keys": [key]}}

    def token(self, subject, audience="sts.amazonaws.com", seconds=3600):
        """A service account's token."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": subject, "aud": [audience], "iat": now, "nbf": now, "exp": now + seconds}
        parts = [{"alg": "RS256", "kid": "1", "typ": "JWT"}, claims]
        signed = ".".join(_coded(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_coded(rsa.sign(signed.encode(), self._private, 'SHA-256'))}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
