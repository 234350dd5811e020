"""Servers with the API of S3: versitygw, which keeps objects as files, and SeaweedFS, which has a store of its own."""

import json
import shutil

from process import Daemon, answers, environment, free_port, run

KEY, SECRET, BUCKET = "AKIDE2E", "secret-of-the-suite", "layers"


class ObjectStore:
    """One server with one empty bucket. The folder's path must be short."""

    def __init__(self, make, folder, is_versioned=False):
        self.folder, self.is_versioned = folder, is_versioned
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env = environment(folder)
        words = {"versitygw": self.versitygw, "seaweedfs": self.seaweedfs}[make]()
        self.daemon = Daemon(
            words,
            env=self.env | {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET},
            log=folder / "log",
            ready=answers(["curl", "-sS", "-o", "/dev/null", self.endpoint], self.env),
        )
        self.aws("s3", "mb", f"s3://{BUCKET}")
        if is_versioned:
            versioning = ["--bucket", BUCKET, "--versioning-configuration", "Status=Enabled"]
            self.aws("s3api", "put-bucket-versioning", *versioning)

    def versitygw(self):
        (self.folder / "data").mkdir()
        (self.folder / "meta").mkdir()
        words = ["versitygw", "--port", f"127.0.0.1:{self.port}", "--region", "us-east-1"]
        words += ["posix", "--sidecar", self.folder / "meta"]
        if self.is_versioned:
            (self.folder / "versions").mkdir()
            words += ["--versioning-dir", self.folder / "versions"]
        return [*words, self.folder / "data"]

    def seaweedfs(self):
        identity = {"name": "admin", "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
        identity["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
        (self.folder / "keys.json").write_text(json.dumps({"identities": [identity]}))
        (self.folder / "weed").mkdir()
        words = ["weed", "-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        words += [f"-dir={self.folder / 'weed'}", f"-master.port={free_port()}", f"-volume.port={free_port()}"]
        words += [f"-filer.port={free_port()}", "-filer", "-s3", f"-s3.port={self.port}"]
        # By default a port of gRPC is the other port + 10,000, which can be above 65,535.
        words += [f"-{part}.port.grpc={free_port()}" for part in ("master", "volume", "filer", "s3")]
        return [*words, f"-s3.config={self.folder / 'keys.json'}", "-master.volumeSizeLimitMB=64", "-volume.max=20"]

    def aws(self, *words):
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
        return run(["aws", "--endpoint-url", self.endpoint, *words], env=self.env | keys)

    def settings(self, prefix, serve):
        """The environment of a server that keeps its layers here."""
        secret = self.folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        return {
            "WHARF__BLOBS__URL": f"s3://{BUCKET}/{prefix}",
            "WHARF__BLOBS__S3__ENDPOINT": self.endpoint,
            # crane follows no redirect to a private address, and nobody is redirected to the registry's own host.
            "WHARF__BLOBS__S3__PUBLIC_ENDPOINT": f"http://localhost:{self.port}",
            "WHARF__SERVER__PUBLIC_HOST": "127.0.0.1",
            "WHARF__BLOBS__S3__ACCESS_KEY_ID": KEY,
            "WHARF__BLOBS__S3__SECRET_ACCESS_KEY_FILE": str(secret),
            "WHARF__BLOBS__S3__SERVE": serve,
        }

    def open_uploads(self):
        said = self.aws("s3api", "list-multipart-uploads", "--bucket", BUCKET)
        return json.loads(said or "{}").get("Uploads") or []

    def keys(self, prefix):
        said = self.aws("s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", f"{prefix}/")
        return [entry["Key"].removeprefix(f"{prefix}/") for entry in json.loads(said or "{}").get("Contents") or []]

    def stop(self):
        self.daemon.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
