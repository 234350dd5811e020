"""Registries on two PostgreSQL servers: accounts and permissions in one, the registries of an account in the other."""

import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import images
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from databases import Databases
from process import run, wait_until
from terraform import refusal
from test_postgres import ACCOUNT, REGION, Serve


@pytest.fixture(scope="module")
def deployment(short_folder, tmp_path_factory):
    deployment = Databases(short_folder, tmp_path_factory.mktemp("databases"))
    yield deployment
    deployment.stop()


@pytest.fixture
def placed(deployment):
    """An account whose registries are in the second database, and its credentials."""
    account, credentials = deployment.member()
    deployment.command("registry", "place", account, "east")
    return account, credentials


def image(*lists):
    return json.dumps({"schemaVersion": 2, "mediaType": images.INDEX, "manifests": [], "annotations": {"n": str(lists)}})


def allows(account):
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_an_account_without_registries_is_placed_once(deployment):
    account, credentials = deployment.member()
    said = deployment.command("registry", "place", account, "east")
    assert said.strip() == f"The registries of the account {account} are in the database 'east' from now on."
    again = json.loads(deployment.command("registry", "place", account, "east", "--json"))
    assert again == {"AccountId": account, "Database": "east"}
    (listed,) = [one for one in json.loads(deployment.command("registry", "list", "--json")) if one["AccountId"] == account]
    assert listed["Database"] == "east"
    assert f"{account}  east" in deployment.command("registry", "list")
    assert "no database 'west'" in deployment.command("registry", "place", account, "west", refused=True)
    assert "there is no account" in deployment.command("registry", "place", "999999999999", "east", refused=True)
    assert "has registries" in deployment.command("registry", "place", ACCOUNT, "east", refused=True)
    other, its = deployment.member()
    deployment.client("ecr", its).create_repository(repositoryName="first")
    assert "has registries" in deployment.command("registry", "place", other, "east", refused=True)
    # The registry of each account is where it was placed.
    deployment.client("ecr", credentials).create_repository(repositoryName="there")
    names = "SELECT string_agg(name, ' ' ORDER BY name) FROM repository"
    assert "there" in deployment.east.sql(names) and "there" not in deployment.directory.sql(names)
    assert "first" in deployment.directory.sql(names) and "first" not in deployment.east.sql(names)


def test_images_of_a_placed_account(deployment, placed, tmp_path):
    account, credentials = placed
    ecr = deployment.client("ecr", credentials)
    made = ecr.create_repository(repositoryName="team/app", tags=[{"Key": "team", "Value": "a"}])["repository"]
    basic = deployment.basic(credentials)
    env = deployment.login(tmp_path / "home", basic)
    layout = images.layout(tmp_path / "made", size=200_000)
    before = deployment.objects()
    target = f"docker://{deployment.node.address}/{account}/team/app:v1"
    run(["skopeo", "copy", "--dest-tls-verify=false", layout.skopeo, target], env=env)
    run(["skopeo", "copy", "--src-tls-verify=false", target, f"dir:{tmp_path / 'copy'}"], env=env)
    assert len(deployment.objects("databases", "east")) >= 2 and deployment.objects() == before
    # Lists.
    tags = json.loads(deployment.http("GET", f"/v2/{account}/team/app/tags/list", basic)[2])
    assert tags["tags"] == ["v1"]
    assert json.loads(deployment.http("GET", f"/v2/{account}/_catalog", basic)[2])["repositories"] == ["team/app"]
    (detail,) = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (layout.digest, ["v1"])
    # By the account's number, from another account that manages it.
    assert ecr.list_images(registryId=account, repositoryName="team/app")["imageIds"]
    # Resource tags, by both services.
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "team", "Value": "a"}]
    tagging = deployment.client("resourcegroupstaggingapi", credentials)
    found = tagging.get_resources()["ResourceTagMappingList"]
    assert made["repositoryArn"] in [one["ResourceARN"] for one in found]
    tagging.tag_resources(ResourceARNList=[made["repositoryArn"]], Tags={"stage": "b"})
    assert {"team", "stage"} <= set(tagging.get_tag_keys()["TagKeys"])
    # The URL of a layer.
    url = ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=layout.layers[0])["downloadUrl"]
    with urllib.request.urlopen(url) as answer:
        assert images.digest_of(answer.read()) == layout.layers[0]
    # Layers through the API.
    content = images.noise(2000)
    begun = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": len(content) - 1, "layerPartBlob": content}
    ecr.upload_layer_part(repositoryName="team/app", uploadId=begun, **part)
    digest = images.digest_of(content)
    done = ecr.complete_layer_upload(repositoryName="team/app", uploadId=begun, layerDigests=[digest])
    assert done["layerDigest"] == digest
    # Usage of all databases, and checks of each.
    usage = json.loads(deployment.command("usage", "--json"))
    named = {(one["AccountId"], one["RepositoryName"]) for one in usage["Repositories"]}
    assert (account, "team/app") in named
    assert account in {one["AccountId"] for one in usage["Registries"]}
    assert "Problems: 0." in deployment.command("fsck")
    assert "Problems: 0." in deployment.command("fsck", "--database", "east")
    # Events come through the directory.
    pushed = lambda: [
        event
        for event in map(json.loads, deployment.events.read_text().splitlines() if deployment.events.exists() else [])
        if event["account"] == account and event["detail"].get("action-type") == "PUSH"
    ]
    wait_until(pushed, "the event of the push")
    # Deleted and collected.
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    assert deployment.http("GET", f"/v2/{account}/team/app/manifests/v1", basic)[0] == 404
    ecr.delete_repository(repositoryName="team/app", force=True)
    wait_until(lambda: not deployment.objects("databases", "east"), "the removal of the layers")
    assert deployment.directory.sql(f"SELECT count(*) FROM outbox WHERE account_id = '{account}'") == deployment.east.sql(
        f"SELECT count(*) FROM outbox WHERE account_id = '{account}'"
    )
    assert len(pushed()) == 1


def test_a_permission_ends_at_once_in_both_databases(deployment, placed):
    account, credentials = placed
    ecr, iam = deployment.client("ecr", credentials), deployment.client("iam", credentials)
    ecr.create_repository(repositoryName="app")
    ecr.put_image(repositoryName="app", imageManifest=image(1), imageTag="v1")
    path = f"/v2/{account}/app/manifests/v1"
    accept = {"Accept": images.INDEX}
    # Another account: the policy of the repository is in the second database.
    basic = deployment.basic()
    pull = lambda: deployment.http("GET", path, basic, headers=accept)[0]
    assert pull() == 403
    for _ in range(20):
        ecr.set_repository_policy(repositoryName="app", policyText=allows(ACCOUNT))
        assert pull() == 200
        ecr.delete_repository_policy(repositoryName="app")
        assert pull() == 403
    # A user of the account: its policies and its key are in the directory.
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    login = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    policy = lambda *more: json.dumps({"Version": "2012-10-17", "Statement": [login, *more]})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy())
    basic = deployment.basic(key)
    reads = {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}
    for _ in range(20):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(reads))
        assert pull() == 200
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy())
        assert pull() == 403
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(reads))
    asked = ["--principal", f"arn:aws:iam::{account}:user/ann", "--action", "ecr:BatchGetImage"]
    resource = f"arn:aws:ecr:{REGION}:{account}:repository/app"
    assert "allowed" in deployment.command("policy", "explain", *asked, "--resource", resource).lower()
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert pull() == 401
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert pull() == 200
    deployment.client("organizations").close_account(AccountId=account)
    assert pull() in (401, 403)


def test_what_needs_two_databases_is_refused(deployment, placed):
    account, credentials = placed
    there, here = deployment.client("ecr", credentials), deployment.client("ecr")
    there.create_repository(repositoryName="app")
    here.create_repository(repositoryName="across")
    # A mount becomes an upload.
    basic = deployment.basic()
    layer = images.noise(3000)
    digest = images.digest_of(layer)
    status, _, _ = deployment.http("POST", f"/v2/across/blobs/uploads/?digest={digest}", basic, body=layer)
    assert status == 201
    allowed = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "ecr:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    there.set_repository_policy(repositoryName="app", policyText=policy)
    mount = f"/v2/{account}/app/blobs/uploads/?mount={digest}&from={ACCOUNT}/across"
    status, headers, _ = deployment.http("POST", mount, basic)
    assert status == 202 and "location" in headers
    status, _, _ = deployment.http("PUT", f"{headers['location']}?digest={digest}", basic, body=layer)
    assert status == 201
    assert deployment.http("GET", f"/v2/{account}/app/blobs/{digest}", basic)[2] == layer
    # Replication, in both directions. Within a database it stays possible.
    rule = lambda registry: {"rules": [{"destinations": [{"region": "eu-west-1", "registryId": registry}]}]}
    for client, other in ((here, account), (there, ACCOUNT)):
        code, message = refusal(client.put_replication_configuration, replicationConfiguration=rule(other))
        assert code == "InvalidParameterException" and "another database" in message, message
    there.put_replication_configuration(replicationConfiguration=rule(account))
    index = image(2)
    there.put_image(repositoryName="app", imageManifest=index, imageTag="v1")
    far = deployment.client("ecr", credentials, region="eu-west-1")

    def replicated():
        try:
            return far.describe_images(repositoryName="app")["imageDetails"]
        except far.exceptions.RepositoryNotFoundException:
            return []

    wait_until(replicated, "the replicated image")
    here.put_replication_configuration(replicationConfiguration={"rules": []})
    # A rule of somebody does not keep an account from being placed. Its images end.
    target, _ = deployment.member()
    here.put_replication_configuration(replicationConfiguration=rule(target))
    deployment.command("registry", "place", target, "east")
    index = image("to", target)
    here.put_image(repositoryName="across", imageManifest=index, imageTag="v1")
    asked = {"repositoryName": "across", "imageId": {"imageDigest": images.digest_of(index.encode())}}

    def ended():
        (status,) = here.describe_image_replication_status(**asked)["replicationStatuses"]
        return status.get("failureCode")

    wait_until(ended, "the end of the replication")
    assert ended() == "RegistryInAnotherDatabase"
    here.put_replication_configuration(replicationConfiguration={"rules": []})


def test_a_request_goes_where_its_operation_says(deployment, placed):
    account, _ = placed
    other, credentials = deployment.member()
    arn = f"arn:aws:ecr:{REGION}:{account}:repository/x"
    keys = Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    body = json.dumps({"repositoryName": "stray", "resourceArn": arn})
    target = "AmazonEC2ContainerRegistry_V20150921.CreateRepository"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    asked = AWSRequest("POST", f"http://{deployment.node.address}/", headers, body)
    SigV4Auth(keys, "ecr", REGION).add_auth(asked)
    with urllib.request.urlopen(urllib.request.Request(asked.url, body.encode(), dict(asked.headers))) as answer:
        made = json.loads(answer.read())["repository"]
    assert made["registryId"] == other
    (found,) = deployment.client("ecr", credentials).describe_repositories()["repositories"]
    assert found["repositoryName"] == "stray"


def test_work_of_one_database_is_asked_for(deployment):
    for name in ("deliver-events", "collect-garbage"):
        assert name in deployment.command("reconcile", name, "--now", "--database", "east")
    # The directory has this work.
    assert deployment.command("reconcile", "remove-secrets", "--now", "--database", "east", refused=True)
    asked = ["--principal", f"arn:aws:iam::{ACCOUNT}:root", "--action", "ecr:ListImages", "--resource", "*"]
    assert "remove it" in deployment.command("policy", "explain", *asked, "--database", "east", refused=True)


def test_the_quota_of_an_account_counts_both_databases(deployment, placed):
    account, credentials = placed
    settings = f'[[storage_quotas]]\nname = "small"\nbytes = 100000\naccount = "{account}"\n'
    config = deployment.config.read_text()
    deployment.node.daemon.stop()
    try:
        deployment.node = Serve(deployment.folder, deployment.directory.url(), deployment.port, deployment.settings() + settings)
        private, public = deployment.client("ecr", credentials), deployment.client("ecr-public", credentials)
        private.create_repository(repositoryName="app")
        public.create_repository(repositoryName="app")
        basic = deployment.basic(credentials)

        def upload(size):
            layer = images.noise(size)
            path = f"/v2/{account}/app/blobs/uploads/?digest={images.digest_of(layer)}"
            return deployment.http("POST", path, basic, body=layer)[0]

        assert upload(60_000) == 201

        def publish(size):
            content = images.noise(size)
            begun = public.initiate_layer_upload(repositoryName="app")["uploadId"]
            part = {"partFirstByte": 0, "partLastByte": size - 1, "layerPartBlob": content}
            public.upload_layer_part(repositoryName="app", uploadId=begun, **part)

        assert refusal(publish, size=60_000)[0] == "LimitExceededException"
        publish(20_000)
        assert upload(30_000) == 403
    finally:
        deployment.node.daemon.stop()
        deployment.config.write_text(config)
        deployment.start()


def test_a_lost_placement_is_made_again(deployment, placed):
    account, credentials = placed
    deployment.client("ecr", credentials).create_repository(repositoryName="kept")
    deployment.node.daemon.stop()
    key = f"(SELECT key FROM account WHERE account_id = '{account}')"
    deployment.directory.sql(f"DELETE FROM placement WHERE account = {key}")
    deployment.start()
    (found,) = deployment.client("ecr", credentials).describe_repositories()["repositories"]
    assert found["repositoryName"] == "kept"
    assert account in deployment.command("registry", "list")


def test_a_node_that_does_not_know_a_database_answers_503(short_folder, tmp_path):
    deployment = Databases(short_folder, tmp_path)
    try:
        both = tmp_path / "both.toml"
        both.write_text(deployment.config.read_text())
        deployment.node.daemon.stop()
        deployment.node = Serve(tmp_path, deployment.directory.url(), deployment.port)
        account, credentials = deployment.member()
        basic = deployment.basic(credentials)
        read = lambda: deployment.http("GET", f"/v2/{account}/_catalog", basic)[0]
        assert read() == 200
        run([os.environ["WHARF_BIN"], "registry", "place", account, "east", "--config", both], env=deployment.node.env)
        assert read() == 503
        code, _ = refusal(deployment.client("ecr", credentials).create_repository, repositoryName="app")
        assert code == "ServerException"
    finally:
        deployment.stop()


def test_a_node_starts_while_a_database_is_away(deployment, placed):
    account, credentials = placed
    deployment.client("ecr", credentials).create_repository(repositoryName="app")
    basic = deployment.basic(credentials)
    deployment.node.daemon.stop()
    # The database is away when the node starts.
    deployment.east.kill()
    deployment.start()
    read = lambda: deployment.http("GET", f"/v2/{account}/app/tags/list", basic)[0]
    assert read() == 503
    assert deployment.http("GET", "/v2/_catalog", deployment.basic())[0] == 200
    assert account in deployment.command("registry", "list")
    assert "cannot be opened" in deployment.command("fsck", "--database", "east", refused=True)
    deployment.east.start()
    wait_until(lambda: read() == 200, "the database that came back")


def test_an_empty_database_is_not_taken_for_another_one(deployment):
    deployment.east.sql("CREATE DATABASE empty")
    url = deployment.east.url()
    config = deployment.config.read_text()
    deployment.config.write_text(config.replace(url, url.replace("/postgres", "/empty")))
    try:
        said = deployment.command("registry", "list", refused=True)
        assert "the directory knows another one with this name" in said
    finally:
        deployment.config.write_text(config)


def test_a_deployment_on_several_databases_does_not_move(deployment, placed, tmp_path):
    config = deployment.config.read_text()
    alone = tmp_path / "alone.toml"
    alone.write_text(config.replace(f'[[databases]]\nname = "east"\nurl = "{deployment.east.url()}"\n', ""))
    to = tmp_path / "to.toml"
    to.write_text(f'data_dir = "{tmp_path / "to"}"\n[server]\nlisten = "127.0.0.1:1"\n')
    command = [os.environ["WHARF_BIN"], "migrate-store", "--from", alone, "--to", to]
    said = run(command, env=deployment.node.env, refused=True)
    assert "part of a deployment with [[databases]]" in said


def test_a_repository_moves_only_within_its_database(deployment, placed):
    account, credentials = placed
    registry = deployment.client("ecr", credentials)
    policy = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "ecr:*", "Resource": "*"}
    registry.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    deployment.client("ecr").create_repository(repositoryName="moves")
    command = ["repository", "move", "moves", "--to-account", account]
    env = deployment.node.env | {"AWS_ENDPOINT_URL": f"http://{deployment.node.address}"}
    said = run([os.environ["WHARF_BIN"], *command], env=env, refused=True)
    assert "another database" in said, said
    assert deployment.client("ecr").describe_repositories(repositoryNames=["moves"])["repositories"]


def test_one_database_is_away_and_the_other_serves(deployment, placed, tmp_path):
    account, credentials = placed
    there, here = deployment.client("ecr", credentials), deployment.client("ecr")
    there.create_repository(repositoryName="app")
    here.create_repository(repositoryName="stays")
    for client, name in ((there, "app"), (here, "stays")):
        client.put_image(repositoryName=name, imageManifest=image(name), imageTag="v1")
    basic, own = deployment.basic(credentials), deployment.basic()
    accept = {"Accept": images.INDEX}
    far = lambda: deployment.http("GET", f"/v2/{account}/app/manifests/v1", basic, headers=accept)[0]
    near = lambda: deployment.http("GET", "/v2/stays/manifests/v1", own, headers=accept)[0]
    assert (far(), near()) == (200, 200)
    deployment.east.kill()
    assert (far(), near()) == (503, 200)

    def timed(ask):
        began = time.monotonic()
        return ask(), time.monotonic() - began

    # It was waited for. From now on requests fail at once, and hold nothing that the others need.
    with ThreadPoolExecutor(32) as pool:
        answers, times = zip(*pool.map(lambda at: timed(far if at % 2 else near), range(200)))
    # `failover_seconds` is 15.
    assert answers == (200, 503) * 100 and max(times) < 10, f"{max(times):.1f} s"
    status, headers, body = deployment.http("GET", f"/v2/{account}/app/manifests/v1", basic, headers=accept)
    assert (status, headers["retry-after"]) == (503, "1") and json.loads(body)["errors"][0]["code"]
    assert refusal(there.list_images, repositoryName="app")[0] == "ServerException"
    assert "database 'east' is not available" in deployment.command("usage", refused=True)
    assert 'wharf_database_answers{database="east"} 0' in deployment.metrics()
    deployment.east.start()
    wait_until(lambda: far() == 200, "the second database")
    for line in (
        'wharf_database_answers{database="east"} 1',
        'wharf_reconciler_backlog{reconciler="deliver-events",database="east"}',
        'wharf_reconciler_backlog{reconciler="deliver-events"}',
    ):
        wait_until(lambda line=line: line in deployment.metrics(), line)
    # A node must know the database, and it must be that of this deployment.
    deployment.node.daemon.stop()
    try:
        config = deployment.config.read_text()
        aliased = deployment.directory.url(host="localhost")
        west = f'[[databases]]\nname = "west"\nurl = "{deployment.east.url(host="localhost")}"\n'
        for change, says in (
            (lambda text: text.replace(deployment.settings(), ""), "[[databases]] must have it"),
            (lambda text: text.replace("[[databases]]", west + "[[databases]]"), "belongs to"),
            (lambda text: text.replace(deployment.east.url(), aliased), "has accounts of its own"),
        ):
            deployment.config.write_text(change(config))
            assert says in deployment.command("registry", "list", refused=True)
        deployment.config.write_text(config)
        with pytest.raises(AssertionError, match="it has registries, and no accounts of its own"):
            folder = tmp_path / "swapped"
            folder.mkdir()
            Serve(folder, deployment.east.url(), deployment.port)
    finally:
        deployment.start()
    assert (far(), near()) == (200, 200)
