"""containerd in its own folder, without CRI, used through `ctr`."""

from process import Daemon, answers, environment


def start_containerd(folder, settings=""):
    """The daemon, and the arguments and environment of `ctr` for it. Settings are further lines of its configuration."""
    address, env = f"{folder}/c.sock", environment(folder)
    config = f"{folder}/config.toml"
    with open(config, "w") as file:
        file.write('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        file.write(f'[ttrpc]\naddress = "{address}.ttrpc"\n{settings}')
    ctr = ["ctr", "--address", address]
    words = ["containerd", "--config", config, "--root", f"{folder}/root", "--state", f"{folder}/state"]
    words += ["--address", address]
    return Daemon(words, env=env, log=f"{folder}/log", ready=answers([*ctr, "version"], env)), ctr, env
