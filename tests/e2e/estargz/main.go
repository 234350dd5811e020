// Command estargz makes and reads eStargz layers with the library of stargz-snapshotter, unmodified. "make" turns a tar
// into a layer. "read" opens a layer in a registry as the snapshotter does when it mounts an image: the footer and the table
// of contents from the end, then the chunks of the files that are read, each by a range, several at once. The
// library verifies the table and each chunk.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/containerd/stargz-snapshotter/estargz"
	digest "github.com/opencontainers/go-digest"
)

const chunk = 64 << 10

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "make":
		return make_(words[1], words[2])
	case len(words) >= 4 && words[0] == "read":
		return read(words[1], digest.Digest(words[2]), words[3:])
	}
	return fmt.Errorf("usage: estargz make TAR LAYER | read URL TOC-DIGEST FILE...")
}

// make_ prints the digest of the table of contents and the diff ID.
func make_(from, to string) error {
	tar, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	section := io.NewSectionReader(bytes.NewReader(tar), 0, int64(len(tar)))
	blob, err := estargz.Build(section, estargz.WithChunkSize(chunk))
	if err != nil {
		return err
	}
	defer blob.Close()
	layer, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(layer, blob); err != nil {
		return err
	}
	if err := layer.Close(); err != nil {
		return err
	}
	return say(map[string]any{"toc": blob.TOCDigest().String(), "diffID": blob.DiffID().String()})
}

// remote reads a layer by ranges. The credentials are in the environment.
type remote struct {
	url      string
	requests atomic.Int64
	bytes    atomic.Int64
}

func (r *remote) ask(method, ranges string) (*http.Response, error) {
	request, err := http.NewRequest(method, r.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", os.Getenv("AUTHORIZATION"))
	if ranges != "" {
		request.Header.Set("Range", ranges)
		// A proxy must not change what the range counts.
		request.Header.Set("Accept-Encoding", "identity")
	}
	return http.DefaultClient.Do(request)
}

// size is asked by a range of one byte, as the snapshotter does: not every registry answers HEAD through its CDN.
func (r *remote) size() (int64, error) {
	answer, err := r.ask("GET", "bytes=0-1")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var first, last, size int64
	_, err = fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
	if err != nil || answer.StatusCode != http.StatusPartialContent {
		return 0, fmt.Errorf("a range of two bytes: %s, %q", answer.Status, answer.Header.Get("Content-Range"))
	}
	return size, nil
}

func (r *remote) ReadAt(p []byte, offset int64) (int, error) {
	last := offset + int64(len(p)) - 1
	answer, err := r.ask("GET", "bytes="+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(last, 10))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusPartialContent {
		return 0, fmt.Errorf("bytes %d-%d: %s", offset, last, answer.Status)
	}
	r.requests.Add(1)
	n, err := io.ReadFull(answer.Body, p)
	r.bytes.Add(int64(n))
	return n, err
}

func read(url string, toc digest.Digest, names []string) error {
	layer := &remote{url: url}
	size, err := layer.size()
	if err != nil {
		return err
	}
	reader, err := estargz.Open(io.NewSectionReader(layer, 0, size))
	if err != nil {
		return err
	}
	verifier, err := reader.VerifyTOC(toc)
	if err != nil {
		return err
	}
	sums := make([]string, len(names))
	failed := make([]error, len(names))
	var all sync.WaitGroup
	for at, name := range names {
		all.Add(1)
		go func() {
			defer all.Done()
			sums[at], failed[at] = file(reader, verifier, name)
		}()
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return say(map[string]any{
		"files": sums, "size": size, "requests": layer.requests.Load(), "bytes": layer.bytes.Load(),
	})
}

// file reads a file chunk by chunk, verifies each, and returns the digest of its content.
func file(reader *estargz.Reader, verifier estargz.TOCEntryVerifier, name string) (string, error) {
	content, err := reader.OpenFile(name)
	if err != nil {
		return "", err
	}
	whole := sha256.New()
	for offset := int64(0); offset < content.Size(); {
		entry, found := reader.ChunkEntryForOffset(name, offset)
		if !found {
			return "", fmt.Errorf("%s has no chunk at %d", name, offset)
		}
		part := make([]byte, entry.ChunkSize)
		if _, err := content.ReadAt(part, entry.ChunkOffset); err != nil && err != io.EOF {
			return "", err
		}
		check, err := verifier.Verifier(entry)
		if err != nil {
			return "", err
		}
		if _, err := check.Write(part); err != nil || !check.Verified() {
			return "", fmt.Errorf("%s: the chunk at %d is not what the table says", name, offset)
		}
		whole.Write(part)
		offset = entry.ChunkOffset + entry.ChunkSize
	}
	return "sha256:" + hex.EncodeToString(whole.Sum(nil)), nil
}

func say(what any) error {
	return json.NewEncoder(os.Stdout).Encode(what)
}
