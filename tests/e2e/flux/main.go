// Command flux-source does what Flux's source-controller does for an OCIRepository with `provider: aws`, with Flux's own
// login library, unmodified: it finds credentials in its environment, asks ECR for a password, lists the tags, chooses
// one by semver range, asks for its digest and pulls by that.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/auth"
	"github.com/fluxcd/pkg/auth/aws"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const usage = `usage: flux-source login REPOSITORY         print a docker configuration with the password
       flux-source pull REPOSITORY RANGE    print tag, digest and layers of the newest version in a semver range`

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string) error {
	var answer any
	var err error
	switch {
	case len(words) == 2 && words[0] == "login":
		answer, err = login(ctx, words[1])
	case len(words) == 3 && words[0] == "pull":
		answer, err = pull(ctx, words[1], words[2])
	default:
		return errors.New(usage)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

type dockerConfig struct {
	Auths map[string]authn.AuthConfig `json:"auths"`
}

func login(ctx context.Context, repository string) (any, error) {
	credentials, err := auth.GetArtifactRegistryCredentials(ctx, aws.Provider{}, repository)
	if err != nil {
		return nil, err
	}
	config, err := credentials.Authorization()
	if err != nil {
		return nil, err
	}
	registry, err := auth.GetRegistryFromArtifactRepository(repository)
	if err != nil {
		return nil, err
	}
	return dockerConfig{map[string]authn.AuthConfig{registry: *config}}, nil
}

type pulled struct {
	Tag    string   `json:"tag"`
	Digest string   `json:"digest"`
	Layers []string `json:"layers"`
}

func pull(ctx context.Context, repository, wanted string) (any, error) {
	credentials, err := auth.GetArtifactRegistryCredentials(ctx, aws.Provider{}, repository)
	if err != nil {
		return nil, err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuth(credentials)}
	source, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	tag, err := newest(source, wanted, options)
	if err != nil {
		return nil, err
	}
	head, err := remote.Head(source.Tag(tag), options...)
	if err != nil {
		return nil, err
	}
	image, err := remote.Image(source.Digest(head.Digest.String()), options...)
	if err != nil {
		return nil, err
	}
	layers, err := read(image)
	if err != nil {
		return nil, err
	}
	return pulled{tag, head.Digest.String(), layers}, nil
}

// newest chooses as source-controller's getTagBySemver does: what is no version is passed over.
func newest(source name.Repository, wanted string, options []remote.Option) (string, error) {
	tags, err := remote.List(source, options...)
	if err != nil {
		return "", err
	}
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return "", err
	}
	var matching semver.Collection
	for _, tag := range tags {
		version, err := semver.NewVersion(tag)
		if err == nil && constraint.Check(version) {
			matching = append(matching, version)
		}
	}
	if len(matching) == 0 {
		return "", fmt.Errorf("no match found for semver: %s", wanted)
	}
	sort.Sort(sort.Reverse(matching))
	return matching[0].Original(), nil
}

// read reads every layer to its end, which checks its digest.
func read(image v1.Image) ([]string, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	var digests []string
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		if err := drain(layer); err != nil {
			return nil, fmt.Errorf("layer %s: %w", digest, err)
		}
		digests = append(digests, digest.String())
	}
	return digests, nil
}

func drain(layer v1.Layer) error {
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(io.Discard, content)
	return err
}
