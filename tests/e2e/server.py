"""One `wharf dev` from the built binary, and the output of its `wharf env`."""

import base64
import http.client
import json
import os
import subprocess
import uuid
from pathlib import Path

import boto3
from process import Daemon, environment, run


class Wharf:
    """A running server, also under another program. Tests use only what it prints for its users."""

    def __init__(self, folder, settings=None, under=(), data=None):
        binary = os.environ.get("WHARF_BIN")
        assert binary, "WHARF_BIN must name the wharf binary: run the suite with `cargo xtask e2e`"
        self.binary = Path(binary)
        self.folder = Path(folder)
        self.data = data or self.folder / "data"
        self.home = self.folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        endpoint = self.data / "endpoint"
        endpoint.unlink(missing_ok=True)
        self.daemon = Daemon(
            [*under, self.binary, "dev", "--data-dir", self.data, "--listen", "127.0.0.1:0"],
            env=environment(self.home, settings or {}),
            log=self.folder / "wharf.log",
            ready=lambda: endpoint.exists() and endpoint.read_text().strip(),
        )
        self.env = self.evaluated_env()
        self.registry = self.env["WHARF_REGISTRY"]
        self.account = self.aws("sts", "get-caller-identity")["Account"]
        self.password = self.aws("ecr", "get-login-password", output=None).strip()

    def evaluated_env(self):
        """The variables that a shell has after `eval "$(wharf env)"`."""
        script = 'eval "$("$1" env --data-dir "$2")" && env -0'
        words = ["/bin/sh", "-c", script, "sh", str(self.binary), str(self.data)]
        said = subprocess.run(words, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True, text=True).stdout
        pairs = dict(line.split("=", 1) for line in said.split("\0") if "=" in line)
        return {name: value for name, value in pairs.items() if name.startswith(("AWS_", "WHARF_"))}

    def aws(self, *words, output="json", refused=False, env=None, input=None):
        """Runs the AWS CLI with the printed environment; returns the parsed output, or the error if `refused`."""
        words = ["aws", *words] + (["--output", output] if output else [])
        said = run(words, env=environment(self.home, self.env | (env or {})), refused=refused, input=input)
        return json.loads(said) if output == "json" and not refused and said.strip() else said

    def client(self, service, credentials=None, region=None):
        """A boto3 client of a service, as the administrator or with credentials of STS."""
        keys = credentials or {
            "AccessKeyId": self.env["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.env["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(
            service,
            region_name=region or self.env["AWS_REGION"],
            endpoint_url=self.env["AWS_ENDPOINT_URL_ECR"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    def repository(self, prefix, **options):
        """Creates a unique repository and returns its name."""
        name = f"{prefix}/{uuid.uuid4().hex[:12]}"
        self.aws("ecr", "create-repository", "--repository-name", name)
        return name

    def ref(self, name, tag_or_digest="latest"):
        """The reference of an image on this server."""
        return f"{self.registry}/{name}{'@' if ':' in tag_or_digest else ':'}{tag_or_digest}"

    @property
    def basic(self):
        return "Basic " + base64.b64encode(f"AWS:{self.password}".encode()).decode()

    def logged_in(self, home):
        """A client's environment with this server's credentials in the docker configuration."""
        credentials = json.dumps({"auths": {self.registry: {"auth": self.basic.removeprefix("Basic ")}}})
        (home / ".docker").mkdir(parents=True, exist_ok=True)
        (home / ".docker" / "config.json").write_text(credentials)
        (home / "auth.json").write_text(credentials)
        return environment(home, {"REGISTRY_AUTH_FILE": str(home / "auth.json")})

    def http(self, method, path, body=None, headers=None):
        """One plain request on the data plane: status, headers (lower case), body."""
        connection = http.client.HTTPConnection(self.registry, timeout=60)
        try:
            connection.request(method, path, body=body, headers={"Authorization": self.basic} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def stop(self):
        self.daemon.stop()
