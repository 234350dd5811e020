"""Cross-account pulls in the closed network: one account owns the images, and a role of another account may read them.
`wharf credentials serve` provides the role's credentials."""

import json
import uuid

from closed_network import REGION, SHARED, STAGING, registry

READS = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:DescribeImageScanFindings",
]


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})


def shared_repository(network, name, *readers):
    """Creates a repository of the owning account that principals of other accounts may read."""
    network.aws(SHARED, "ecr", "create-repository", "--repository-name", name)
    text = policy(Sid="CrossAccountPull", Principal={"AWS": list(readers)}, Action=READS)
    network.aws(SHARED, "ecr", "set-repository-policy", "--repository-name", name, "--policy-text", text)
    return f"{registry(SHARED)}/{name}"


def push(network, layout, target):
    """Pushes as the owning account's administrator."""
    words = ["skopeo", "copy", "--all", "--dest-creds", f"AWS:{network.password(SHARED)}", layout.skopeo]
    network.run(*words, f"docker://{target}", credentials={})


class Node:
    """A machine of the account that runs images. Its user can only assume a role, and only the agent reads the user's
    key. The role may read images. All other programs on the machine get credentials from the agent."""

    def __init__(self, network, folder):
        self.network, self.folder = network, folder
        self.agents = []
        name = f"node-{uuid.uuid4().hex[:8]}"
        iam = lambda *words: network.aws(STAGING, "iam", *words)
        user = iam("create-user", "--user-name", name)["User"]["Arn"]
        trust = policy(Principal={"AWS": user}, Action="sts:AssumeRole")
        role = iam("create-role", "--role-name", f"puller-{name}", "--assume-role-policy-document", trust)["Role"]
        self.role = role["Arn"]
        readonly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
        iam("attach-role-policy", "--role-name", role["RoleName"], "--policy-arn", readonly)
        made = iam("create-access-key", "--user-name", name)["AccessKey"]
        self.key = folder / "node-key"
        lines = ["[default]", f"aws_access_key_id = {made['AccessKeyId']}"]
        self.key.write_text("\n".join([*lines, f"aws_secret_access_key = {made['SecretAccessKey']}\n"]))
        self.key.chmod(0o600)

    def agent(self, way):
        """Starts `wharf credentials serve` in one of its two forms; returns the variables for SDKs."""
        log = self.folder / f"agent-{len(self.agents)}.log"
        ways = {"imds": ["--imds"], "container": ["--authorization-token-file", self.folder / "token"]}
        words = [self.network.binary, "credentials", "serve", "--listen", "127.0.0.1:0", *ways[way]]
        words += ["--role-arn", self.role, "--access-key-file", self.key, "--role-session-name", "n1"]
        words += ["--endpoint", f"https://sts.{REGION}.amazonaws.com"]
        ready = lambda: log.exists() and "obtained" in log.read_text()
        self.agents.append(self.network.daemon(*words, credentials={}, log=log, ready=ready))
        lines = [line[7:] for line in log.read_text().splitlines() if line.startswith("export ")]
        return {name: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}

    def stop(self):
        for agent in self.agents:
            agent.stop()


class ServiceAccount:
    """A service account of a Kubernetes cluster. The cluster is an identity provider of the account that runs images, and
    a role of that account trusts the service account's tokens. There is no long-term key."""

    def __init__(self, network, folder, issuer):
        name = f"sa-{uuid.uuid4().hex[:8]}"
        subject = f"system:serviceaccount:apps:{name}"
        iam = lambda *words: network.aws(STAGING, "iam", *words)
        host = issuer.url.removeprefix("https://")
        provider = f"arn:aws:iam::{STAGING}:oidc-provider/{host}"
        known = iam("list-open-id-connect-providers")["OpenIDConnectProviderList"]
        if provider not in [one["Arn"] for one in known]:
            iam("create-open-id-connect-provider", "--url", issuer.url, "--client-id-list", "sts.amazonaws.com")
            words = [network.binary, "oidc", "set-keys", "--provider-arn", provider, "--issuer-ca", issuer.ca]
            network.run(*words, "--endpoint", "https://iam.amazonaws.com", credentials=network.entered(STAGING))
        only = {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": "sts.amazonaws.com"}}
        trust = policy(Principal={"Federated": provider}, Action="sts:AssumeRoleWithWebIdentity", Condition=only)
        role = iam("create-role", "--role-name", name, "--assume-role-policy-document", trust)["Role"]
        readonly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
        iam("attach-role-policy", "--role-name", name, "--policy-arn", readonly)
        self.role = role["Arn"]
        self.token = folder / "token"
        self.token.write_text(issuer.token(subject))

    @property
    def environment(self):
        """The environment that the cluster provides to the pod's containers."""
        return {"AWS_ROLE_ARN": self.role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.token)}
