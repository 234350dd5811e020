"""A connection that is cut during an upload: the received bytes are kept, and the client resumes."""

import http.client
import socket

import images
from process import wait_until

SIZE = 6 << 20


def begin(wharf, name):
    status, headers, _ = wharf.http("POST", f"/v2/{name}/blobs/uploads/", headers={"Content-Length": "0"})
    assert status == 202
    return headers["location"].removeprefix(f"http://{wharf.registry}")


def send_and_cut(wharf, location, head, content):
    """Sends the head of a request and a part of its body, then closes the connection."""
    host, port = wharf.registry.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        lines = [f"PATCH {location} HTTP/1.1", f"Host: {wharf.registry}", f"Authorization: {wharf.basic}", *head]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        connection.sendall(content)


def offset_after_cut(wharf, location):
    """The stored bytes, from the Range of the status request."""

    def kept():
        status, headers, _ = wharf.http("GET", location)
        assert status == 204
        return int(headers["range"].rsplit("-", 1)[1]) if headers.get("range", "0-0") != "0-0" else 0

    return wait_until(kept, "the bytes that arrived before the cut", seconds=20) + 1


def resume(wharf, name, location, content):
    """Sends the rest and completes the upload. A range that is refused while the server writes is retried."""

    def go_on():
        offset = offset_after_cut(wharf, location)
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{offset}-{len(content) - 1}"}
        status, answer, _ = wharf.http("PATCH", location, content[offset:], headers)
        assert status in (202, 404, 409, 416), status
        return (status == 202) and answer["location"].removeprefix(f"http://{wharf.registry}")

    location = wait_until(go_on, "the rest of the upload", seconds=20)
    digest = images.digest_of(content)
    mark = "&" if "?" in location else "?"
    status, headers, _ = wharf.http("PUT", f"{location}{mark}digest={digest}", headers={"Content-Length": "0"})
    assert (status, headers["docker-content-digest"]) == (201, digest)
    status, _, body = wharf.http("GET", f"/v2/{name}/blobs/{digest}")
    assert status == 200 and body == content


def test_a_patch_with_a_length_is_cut(wharf):
    name = wharf.repository("resume")
    content = images.noise(SIZE)
    location = begin(wharf, name)
    send_and_cut(wharf, location, [f"Content-Length: {SIZE}"], content[: SIZE // 2])
    resume(wharf, name, location, content)


def test_a_streamed_patch_is_cut(wharf):
    name = wharf.repository("resume")
    content = images.noise(SIZE)
    location = begin(wharf, name)
    half = content[: SIZE // 2]
    send_and_cut(wharf, location, ["Transfer-Encoding: chunked"], f"{len(half):x}\r\n".encode() + half + b"\r\n")
    resume(wharf, name, location, content)


def test_repeated_interruptions_lose_nothing(wharf):
    name = wharf.repository("resume")
    content = images.noise(SIZE)
    location = begin(wharf, name)
    send_and_cut(wharf, location, [f"Content-Length: {SIZE}"], content[:700_001])
    for _ in range(3):
        offset = offset_after_cut(wharf, location)
        head = [f"Content-Length: {SIZE - offset}", f"Content-Range: {offset}-{SIZE - 1}"]
        send_and_cut(wharf, location, head, content[offset : offset + 700_001])
    resume(wharf, name, location, content)


def test_an_interrupted_download_continues(wharf, push, tmp_path):
    name = wharf.repository("resume")
    made = images.layout(tmp_path / "made", size=SIZE)
    push(made, name)
    whole = (made.folder / "blobs" / "sha256" / made.layers[0].removeprefix("sha256:")).read_bytes()
    connection = http.client.HTTPConnection(wharf.registry, timeout=60)
    connection.request("GET", f"/v2/{name}/blobs/{made.layers[0]}", headers={"Authorization": wharf.basic})
    first = connection.getresponse().read(1_000_000)
    connection.close()
    status, headers, rest = wharf.http("GET", f"/v2/{name}/blobs/{made.layers[0]}", headers={"Range": "bytes=1000000-"})
    assert (status, headers["content-range"]) == (206, f"bytes 1000000-{len(whole) - 1}/{len(whole)}")
    assert first + rest == whole
