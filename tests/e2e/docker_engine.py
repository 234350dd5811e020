"""Docker's daemon, without a bridge and without packet filter rules: it only builds, pushes and pulls."""

import os

from process import Daemon, answers, environment


def start_engine(folder, *options):
    """Starts a daemon with its files in a folder, whose path must be short; returns it and the environment of clients."""
    home = f"{folder}/home"
    os.mkdir(home)
    host = f"unix://{folder}/docker.sock"
    env = environment(home, {"DOCKER_HOST": host})
    words = ["dockerd", "-H", host, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    words += ["--pidfile", f"{folder}/docker.pid", "--bridge=none", "--iptables=false", "--ip6tables=false"]
    log = f"{folder}/log"
    return Daemon([*words, *options], env=env, log=log, ready=answers(["docker", "version"], env)), env
