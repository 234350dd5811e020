"""Registries on two PostgreSQL servers: accounts and permissions in one, the registries of an account in the other."""

import json
import os
import urllib.request

import images
import pytest
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
    # An account that images are replicated to is not placed.
    target, _ = deployment.member()
    here.put_replication_configuration(replicationConfiguration=rule(target))
    assert "replicated" in deployment.command("registry", "place", target, "east", refused=True)
    here.put_replication_configuration(replicationConfiguration={"rules": []})
    deployment.command("registry", "place", target, "east")


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
    deployment.east.start()
    wait_until(lambda: far() == 200, "the second database")
    # A node must know the database, and it must be that of this deployment.
    deployment.node.daemon.stop()
    try:
        config = deployment.config.read_text()
        aliased = deployment.directory.url(host="localhost")
        for change, says in (
            (lambda text: text.replace(deployment.settings(), ""), "[[databases]] must have it"),
            (lambda text: text.replace('name = "east"', 'name = "west"'), "belongs to"),
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
