"""A PostgreSQL server of the tests, and what is put before it or beside it."""

import glob
import os
import shutil
from pathlib import Path

from process import Daemon, answers, environment, free_port, run

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))


def as_postgres(*words):
    """PostgreSQL refuses to run as root."""
    whole = list(map(str, words))
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return drop + whole if os.geteuid() == 0 else whole


class Cluster:
    """A running server with the database `postgres` and the user `wharf`, in a new folder whose path is short."""

    def __init__(self, folder, settings=(), copied_from=None, restored_from=None):
        assert PROGRAMS, "PostgreSQL is not installed: run `cargo xtask install`"
        self.folder, self.settings = Path(folder), settings
        self.folder.mkdir()
        # The user of PostgreSQL has to reach it.
        self.folder.parent.chmod(0o711)
        self.port = free_port()
        self.env = environment(self.folder)
        self.data = self.folder / "db"
        self.own(self.folder)
        if restored_from is not None:
            # A base backup, an archive of the log, and the moment until which it is replayed.
            base, archive, moment = restored_from
            base.rename(self.data)
            signal = self.data / "recovery.signal"
            signal.touch()
            self.own(signal)
            self.settings = [
                *settings,
                f"restore_command=cp {archive}/%f %p",
                f"recovery_target_time={moment}",
                "recovery_target_action=promote",
            ]
        elif copied_from is None:
            self.program("initdb", "-D", self.data, "-A", "trust", "-U", "wharf", "-E", "UTF8")
        else:
            source = ["-h", "127.0.0.1", "-p", copied_from.port, "-U", "wharf"]
            self.program("pg_basebackup", *source, "-D", self.data, "-R", "-X", "stream", "-c", "fast")
        self.start()

    def start(self):
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", "max_connections=60", *self.settings]
        options = [word for option in options for word in ("-c", option)]
        self.server = Daemon(
            as_postgres(self.path("postgres"), "-D", self.data, "-k", self.folder, *options),
            env=self.env,
            log=self.folder / "log",
            ready=answers([self.path("pg_isready"), "-h", self.folder, "-p", str(self.port)], self.env),
        )

    @staticmethod
    def own(path):
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    @staticmethod
    def path(name):
        return Path(PROGRAMS[-1]) / name

    def program(self, name, *words, **options):
        return run(as_postgres(self.path(name), *words), env=self.env, **options)

    def sql(self, text):
        where = ["-h", self.folder, "-p", self.port, "-U", "wharf", "-d", "postgres"]
        return self.program("psql", *where, "-Atc", text).strip()

    def url(self, *others, host="127.0.0.1", parameters=()):
        """How to reach it, or the one of several servers that writes."""
        ports = [server.port for server in (self, *others)]
        hosts = ",".join(f"{host}:{port}" for port in ports)
        parameters = [*(["target_session_attrs=read-write"] if others else []), *parameters]
        query = "?" + "&".join(parameters) if parameters else ""
        return f"postgres://wharf@{hosts}/postgres{query}"

    def kill(self):
        """Ends the server and its processes at once, without a checkpoint."""
        self.program("pg_ctl", "-D", self.data, "-m", "immediate", "stop")
        self.server.process.wait()

    def promote(self):
        self.program("pg_ctl", "-D", self.data, "promote")

    def stop(self):
        self.server.stop()


class Pooler:
    """pgbouncer in transaction mode before a server."""

    def __init__(self, folder, server):
        folder = Path(folder)
        folder.mkdir()
        Cluster.own(folder)
        self.port = free_port()
        config = folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={server.port} user=wharf\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
            "default_pool_size = 4\nmax_client_conn = 200\n"
        )
        env = environment(folder)
        ready = [Cluster.path("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        words = as_postgres("/usr/sbin/pgbouncer", config)
        self.daemon = Daemon(words, env=env, log=folder / "log", ready=answers(ready, env))

    def url(self):
        return f"postgres://wharf@127.0.0.1:{self.port}/postgres"

    def stop(self):
        self.daemon.stop()
