"""umoci creates and changes a layout; the server stores it and returns it."""

import json

from process import run


def test_a_layout_of_umoci_is_pushed_and_pulled(wharf, env, tmp_path):
    name = wharf.repository("umoci")
    layout = tmp_path / "layout"
    bundle = tmp_path / "bundle"
    run(["umoci", "init", "--layout", layout], env=env)
    run(["umoci", "new", "--image", f"{layout}:v1"], env=env)
    for version, content in (("v2", "first"), ("v3", "second")):
        before = "v1" if version == "v2" else "v2"
        run(["umoci", "unpack", "--image", f"{layout}:{before}", bundle / version], env=env)
        (bundle / version / "rootfs" / version).write_text(content)
        run(["umoci", "repack", "--image", f"{layout}:{version}", bundle / version], env=env)
    run(["umoci", "config", "--image", f"{layout}:v3", "--config.label", "made-by=umoci"], env=env)
    target = f"docker://{wharf.ref(name, 'v3')}"
    run(["skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:v3", target], env=env)
    run(["skopeo", "copy", "--src-tls-verify=false", target, f"oci:{tmp_path / 'back'}:v3"], env=env)
    run(["umoci", "unpack", "--image", f"{tmp_path / 'back'}:v3", tmp_path / "unpacked"], env=env)
    files = tmp_path / "unpacked" / "rootfs"
    assert [(files / "v2").read_text(), (files / "v3").read_text()] == ["first", "second"]
    stat = json.loads(run(["umoci", "stat", "--json", "--image", f"{tmp_path / 'back'}:v3"], env=env))
    assert any("v3" in (entry.get("created_by") or "") or not entry.get("empty_layer") for entry in stat["history"])
