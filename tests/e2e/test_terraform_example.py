"""docs/examples/cross-account.tf, as far as it can be tested without the provider: it has the format of `tofu fmt`, and
shares the same repositories as the tests of cross-account pulls."""

import re
from pathlib import Path

import pytest
from cross_account import READS
from process import environment, run

EXAMPLE = Path(__file__).parents[2] / "docs/examples/cross-account.tf"


@pytest.fixture
def fmt(home):
    def check(file, **options):
        return run(["tofu", "fmt", "-check", "-diff", "-no-color", file], env=environment(home), **options)

    return check


def test_the_example_is_formatted(fmt):
    assert fmt(EXAMPLE) == ""


def test_unformatted_or_invalid_hcl_is_refused(fmt, tmp_path):
    file = tmp_path / "main.tf"
    text = EXAMPLE.read_text()
    file.write_text(text.replace("  name                 = each.key", "  name = each.key"))
    assert "+  name                 = each.key" in fmt(file, refused=True)
    file.write_text(text.removesuffix("}\n"))
    assert "Unclosed configuration block" in fmt(file, refused=True)


def test_the_example_shares_what_a_pull_needs():
    assert sorted(re.findall(r'"(ecr:\w+)"', EXAMPLE.read_text())) == sorted(READS)
