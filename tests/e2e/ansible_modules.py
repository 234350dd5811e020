"""Runs Ansible's modules of amazon.aws and community.aws as a user of the server."""

import json
import re

import process
import pytest
from process import environment, run

TOOLS = process.TOOLS / "ansible"
LOCALLY = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={TOOLS / 'bin/python'}"]


class Ansible:
    """Modules one by one, and playbooks."""

    def __init__(self, wharf, home):
        if not (TOOLS / "bin/ansible").exists():
            pytest.fail("ansible is not installed: run `cargo xtask install`", pytrace=False)
        self.home = home
        own = {"ANSIBLE_COLLECTIONS_PATH": str(TOOLS), "ANSIBLE_LOCALHOST_WARNING": "False"}
        self.env = environment(home, wharf.env | own | {"ANSIBLE_HOME": str(home / "ansible")})

    def module(self, module, /, **arguments):
        """Runs one module; returns its result."""
        # Ansible prints what the module answers, in one line.
        line = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.oneline"}
        given = ["-a", json.dumps(arguments)] if arguments else []
        said = run([TOOLS / "bin/ansible", "localhost", *LOCALLY, "-m", module, *given], env=self.env | line)
        return json.loads(said[said.index("{") :])

    def play(self, tasks):
        """Runs tasks in one playbook, which must succeed; returns how many tasks changed something, and the output."""
        book = self.home / "playbook.json"
        book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        said = run([TOOLS / "bin/ansible-playbook", *LOCALLY, book], env=self.env)
        ok, changed, failed = re.search(r"ok=(\d+) +changed=(\d+) .*failed=(\d+)", said).groups()
        assert (int(ok), int(failed)) == (len(tasks), 0), said
        return int(changed), said
