"""A systemd that runs as the first process of its own namespaces, on a root of its own with this machine's /usr: units are
started for real, and nothing of the machine changes. Needs root."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from process import PATH, Daemon, wait_until

# What /etc of the new root has from the machine: users, and certificate authorities.
ETC = ["passwd", "group", "shadow", "nsswitch.conf", "ssl", "ca-certificates", "ld.so.cache", "localtime"]
# Services of /usr that have no work here.
MASKED = ["systemd-udevd", "systemd-udev-trigger", "systemd-networkd", "systemd-resolved", "systemd-timesyncd", "systemd-logind"]

# $1 is the root, $2 a folder for what is written to /usr.
BEGIN = """set -e
root=$1; changes=$2
ip link set lo up
mount --bind "$root" "$root"
mount -t overlay overlay -o lowerdir=/usr,upperdir="$changes/usr",workdir="$changes/work" "$root/usr"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t mqueue mqueue "$root/dev/mqueue"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
# Not chroot alone: a process in a chroot may not make a user namespace.
cd "$root"
pivot_root . old
umount -l old
# systemd passes credentials by mounts that processes of other namespaces have to see.
mount --make-rshared /
exec chroot . /usr/bin/env -i container=wharf-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --log-target=console --show-status=0 --unit=wharf-test.target
"""


class Booted:
    """The system with these files in it, by their paths, and these programs in /usr/bin."""

    def __init__(self, folder, files, programs):
        self.root, changes = Path(folder) / "root", Path(folder) / "changes"
        for name in ["usr", "etc/systemd/system", "var/lib", "run", "tmp", "proc", "sys", "dev", "root", "old"]:
            (self.root / name).mkdir(parents=True)
        for name in ["usr/bin", "work"]:
            (changes / name).mkdir(parents=True)
        for name in ["bin", "sbin", "lib", "lib32", "lib64"]:
            if os.path.islink(f"/{name}"):
                os.symlink(os.readlink(f"/{name}"), self.root / name)
        for name in filter(lambda name: os.path.exists(f"/etc/{name}"), ETC):
            subprocess.run(["cp", "-a", f"/etc/{name}", self.root / "etc"], check=True)
        for program in programs:
            shutil.copy(program, changes / "usr/bin" / Path(program).name)
        units = self.root / "etc/systemd/system"
        for unit in MASKED:
            os.symlink("/dev/null", units / f"{unit}.service")
        target = "[Unit]\nRequires=sysinit.target basic.target\nAfter=basic.target\n"
        files = {"etc/machine-id": f"{os.urandom(16).hex()}\n", "etc/systemd/system/wharf-test.target": target} | files
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content)
        words = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child=KILL"]
        words += ["sh", "-c", BEGIN, "sh", self.root, changes]
        self.daemon = Daemon(words, env={"PATH": PATH}, log=Path(folder) / "systemd.log", ready=lambda: True)
        try:
            is_up = lambda: self.first() and self.inside("systemctl", "is-active", "basic.target") == "active"
            wait_until(is_up, "the start of systemd", process=self.daemon.process)
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}; its log:\n{self.daemon.log.read_text()}") from None

    def first(self):
        """The process ID of systemd, as the machine sees it."""
        pid = self.daemon.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        is_systemd = lambda pid: Path(f"/proc/{pid}/comm").read_text() == "systemd\n"
        return next(filter(is_systemd, children), None)

    def inside(self, *words):
        """What a command says in the system, whatever its status."""
        enter = ["nsenter", "--target", self.first(), "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--root"]
        whole = [*enter, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *map(str, words)]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=60)
        return (done.stdout + done.stderr).strip()

    def stop(self):
        # The kernel ends all processes of the namespace with its first one.
        if self.daemon.process.poll() is None and (first := self.first()):
            os.kill(int(first), signal.SIGKILL)
        self.daemon.stop()
