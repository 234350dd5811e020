"""A deployment with the registries of one account in a second PostgreSQL server."""

import base64
import http.client
import os
import urllib.request
import uuid
from pathlib import Path

import boto3
from cluster import Cluster
from process import free_port, run
from test_postgres import REGION, Serve

# What is deleted goes soon. A push may take as long.
COLLECTION = "[collection]\ngrace_seconds = 10\ndelay_seconds = 0\ninterval_seconds = 1\n"


class Databases:
    """`wharf serve` with a directory and the database `east`, and an account that is placed there."""

    def __init__(self, short_folder, folder):
        self.folder, self.port, self.metrics_port = Path(folder), free_port(), free_port()
        self.directory = Cluster(Path(short_folder) / f"a{self.port}")
        self.east = Cluster(Path(short_folder) / f"b{self.port}")
        self.events = self.folder / "events.jsonl"
        self.start()
        self.env = {"AWS_REGION": REGION}
        self.config = self.folder / "wharf.toml"

    def settings(self):
        return (
            f'[[databases]]\nname = "east"\nurl = "{self.east.url()}"\n{COLLECTION}'
            f'[metrics]\nlisten = "127.0.0.1:{self.metrics_port}"\n'
            f'[[events.sinks]]\nname = "all"\nfile = "{self.events}"\n'
        )

    def start(self):
        self.node = Serve(self.folder, self.directory.url(), self.port, self.settings())

    def client(self, service, credentials=None, region=None):
        """A boto3 client, as the administrator of the management account or with credentials of STS."""
        keys = credentials or {
            "AccessKeyId": self.node.env["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.node.env["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(
            service,
            region_name=region or REGION,
            endpoint_url=f"http://{self.node.address}",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    def command(self, *words, **options):
        return run([os.environ["WHARF_BIN"], *words, "--config", self.config], env=self.node.env, **options)

    def member(self):
        """A new account, and credentials of its role."""
        asked = {"Email": f"{uuid.uuid4().hex[:12]}@example.org", "AccountName": "member"}
        account = self.client("organizations").create_account(**asked)["CreateAccountStatus"]["AccountId"]
        return account, self.inside(account)

    def inside(self, account):
        arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="operator")["Credentials"]

    def basic(self, credentials=None):
        """The header of a docker client."""
        token = self.client("ecr", credentials).get_authorization_token()
        return "Basic " + token["authorizationData"][0]["authorizationToken"]

    def http(self, method, path, basic, body=None, headers=None):
        """One request on the data plane: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            known = {"Host": self.node.address, "Authorization": basic}
            connection.request(method, path, body=body, headers=known | (headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
            return answer.read().decode()

    def login(self, home, basic):
        """The environment of skopeo with this password."""
        assert base64.b64decode(basic.removeprefix("Basic ")).startswith(b"AWS:")
        home.mkdir(exist_ok=True)
        kept = home / "auth.json"
        kept.write_text(f'{{"auths":{{"{self.node.address}":{{"auth":"{basic.removeprefix("Basic ")}"}}}}}}')
        return self.node.env | {"REGISTRY_AUTH_FILE": str(kept)}

    def objects(self, *under):
        """The layers that are stored."""
        folder = (self.folder / "data" / "blobs").joinpath(*under) / "objects"
        return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []

    def stop(self):
        self.node.daemon.stop()
        self.directory.stop()
        self.east.stop()
