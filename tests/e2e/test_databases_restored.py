"""Registries on two PostgreSQL servers, of which one was restored, is moved, or does not get what it needs."""

import json
import os

import pytest
from databases import Databases
from process import Daemon, answers
from test_databases import image


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


@pytest.fixture
def stopped(deployment):
    deployment.node.daemon.stop()
    yield deployment
    deployment.node.daemon.stop()
    deployment.start()


def test_a_placed_account_without_its_row_gets_it(deployment, placed):
    account, credentials = placed
    deployment.node.daemon.stop()
    there = f"SELECT count(*) FROM account WHERE account_id = '{account}'"
    deployment.east.sql(f"DELETE FROM account WHERE account_id = '{account}'")
    assert deployment.east.sql(there).strip() == "0"
    deployment.start()
    assert deployment.east.sql(there).strip() == "1"
    ecr = deployment.client("ecr", credentials)
    ecr.create_repository(repositoryName="app")
    ecr.put_image(repositoryName="app", imageManifest=image("row"), imageTag="v1")


def test_the_destination_of_a_move_is_not_opened(stopped):
    stopped.east.sql("INSERT INTO setting (name, value) VALUES ('store-move', 'a move')")
    try:
        said = stopped.command("registry", "list", refused=True)
        assert "the destination of a move that has not ended" in said
    finally:
        stopped.east.sql("DELETE FROM setting WHERE name = 'store-move'")
    stopped.command("registry", "list")


def test_an_old_event_is_kept_until_the_directory_has_it(deployment, placed, request):
    _, credentials = placed
    ecr = deployment.client("ecr", credentials)
    ecr.create_repository(repositoryName="app")
    ecr.put_image(repositoryName="app", imageManifest=image("old"), imageTag="v1")
    request.getfixturevalue("stopped")
    # Numbers and times grow together: the oldest event is the first one that is forwarded.
    oldest = "(SELECT min(sequence) FROM outbox)"
    deployment.east.sql(f"UPDATE outbox SET routed = 0, id = 1 WHERE sequence = {oldest}")
    left = lambda: deployment.east.sql("SELECT count(*) FROM outbox WHERE id = 1").strip()
    at_east = ["--now", "--database", "east"]
    deployment.command("reconcile", "trim-events", *at_east)
    assert left() == "1"
    deployment.command("reconcile", "deliver-events", *at_east)
    assert deployment.directory.sql("SELECT count(*) FROM outbox WHERE id = 1").strip() == "1"
    deployment.command("reconcile", "trim-events", *at_east)
    assert left() == "0"


def test_sockets_to_each_database_are_left_free(stopped, tmp_path):
    # 160 for everything else, and 16 for the other database. Connections get one half of the rest.
    words = ["-c", 'ulimit -n 400 && exec "$0" "$@"', os.environ["WHARF_BIN"], "serve", "--config", stopped.config]
    ready = answers(["curl", "-fsS", f"http://{stopped.node.address}/readyz"], stopped.node.env)
    daemon = Daemon(["/bin/sh", *words], env=stopped.node.env, log=tmp_path / "log", ready=ready)
    daemon.stop()
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "ulimit -n" in line]
    assert len(lines) == 1 and json.loads(lines[0])["max_connections"] == 112, lines
