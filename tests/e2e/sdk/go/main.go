// Command sdk-go makes the everyday calls of aws-sdk-go-v2 in the repository that the argument names. It prints what the
// server answered as one JSON object; the other SDKs print the same one.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

const part = 5 << 20

type report struct {
	Again      string   `json:"again"`
	Tags       []string `json:"tags"`
	Policy     bool     `json:"policy"`
	User       string   `json:"user"`
	Valid      bool     `json:"valid"`
	Layer      string   `json:"layer"`
	Parts      int      `json:"parts"`
	Available  []string `json:"available"`
	Pages      []int    `json:"pages"`
	Images     []string `json:"images"`
	Listed     int      `json:"listed"`
	Got        []string `json:"got"`
	Downloaded bool     `json:"downloaded"`
	Rules      int      `json:"rules"`
	Expiring   []string `json:"expiring"`
	Deleted    []string `json:"deleted"`
	Errors     []string `json:"errors"`
}

type session struct {
	ctx  context.Context
	ecr  *ecr.Client
	name *string
}

// must stops the program with the error of a call that had to succeed.
func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// refused names the type of the exception E, which the call had to return.
func refused[E error](name string, err error) string {
	var wanted E
	if !errors.As(err, &wanted) {
		must(0, fmt.Errorf("%s was to be returned, not %v", name, err))
	}
	return name
}

func digest(bytes []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(bytes))
}

func (s session) upload(bytes []byte) (string, int) {
	begun := must(s.ecr.InitiateLayerUpload(s.ctx, &ecr.InitiateLayerUploadInput{RepositoryName: s.name}))
	parts := 0
	for first := 0; first < len(bytes); first += part {
		end := min(first+part, len(bytes))
		must(s.ecr.UploadLayerPart(s.ctx, &ecr.UploadLayerPartInput{
			RepositoryName: s.name, UploadId: begun.UploadId, LayerPartBlob: bytes[first:end],
			PartFirstByte: aws.Int64(int64(first)), PartLastByte: aws.Int64(int64(end - 1)),
		}))
		parts++
	}
	done := must(s.ecr.CompleteLayerUpload(s.ctx, &ecr.CompleteLayerUploadInput{
		RepositoryName: s.name, UploadId: begun.UploadId, LayerDigests: []string{digest(bytes)},
	}))
	return *done.LayerDigest, parts
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := session{ctx, ecr.NewFromConfig(must(config.LoadDefaultConfig(ctx))), aws.String(os.Args[1])}
	r := report{Pages: []int{}}
	s.repository(&r)
	s.images(&r)
	s.lifecycle(&r)
	s.remove(&r)
	must(0, json.NewEncoder(os.Stdout).Encode(r))
}

// repository creates the repository, its tags and its policy.
func (s session) repository(r *report) {
	create := &ecr.CreateRepositoryInput{
		RepositoryName: s.name, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
	}
	made := must(s.ecr.CreateRepository(s.ctx, create)).Repository
	if age := time.Since(*made.CreatedAt).Abs(); age > 10*time.Minute {
		must(0, fmt.Errorf("created at %v", made.CreatedAt))
	}
	_, err := s.ecr.CreateRepository(s.ctx, create)
	r.Again = refused[*types.RepositoryAlreadyExistsException]("RepositoryAlreadyExistsException", err)
	more := []types.Tag{{Key: aws.String("stage"), Value: aws.String("test")}}
	must(s.ecr.TagResource(s.ctx, &ecr.TagResourceInput{ResourceArn: made.RepositoryArn, Tags: more}))
	tags := must(s.ecr.ListTagsForResource(s.ctx, &ecr.ListTagsForResourceInput{ResourceArn: made.RepositoryArn})).Tags
	for _, tag := range tags {
		r.Tags = append(r.Tags, *tag.Key+"="+*tag.Value)
	}
	slices.Sort(r.Tags)
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"pull","Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`
	must(s.ecr.SetRepositoryPolicy(s.ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: s.name, PolicyText: &policy}))
	got := must(s.ecr.GetRepositoryPolicy(s.ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: s.name}))
	r.Policy = strings.Contains(*got.PolicyText, `"pull"`)
	data := must(s.ecr.GetAuthorizationToken(s.ctx, &ecr.GetAuthorizationTokenInput{})).AuthorizationData[0]
	password := must(base64.StdEncoding.DecodeString(*data.AuthorizationToken))
	r.User, _, _ = strings.Cut(string(password), ":")
	r.Valid = data.ExpiresAt.After(time.Now())
}

// images uploads layers, pushes images, and reads them page by page.
func (s session) images(r *report) {
	bytes := make([]byte, part+9)
	for index := range bytes {
		bytes[index] = byte(index * 7 % 251)
	}
	r.Layer, r.Parts = s.upload(bytes)
	config, _ := s.upload([]byte("{}"))
	asked := []string{r.Layer, "sha256:" + strings.Repeat("0", 64)}
	found := must(s.ecr.BatchCheckLayerAvailability(s.ctx, &ecr.BatchCheckLayerAvailabilityInput{
		RepositoryName: s.name, LayerDigests: asked,
	}))
	for _, layer := range found.Layers {
		r.Available = append(r.Available, string(layer.LayerAvailability))
	}
	for number := range 3 {
		manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},`+
			`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%s","size":%d}],`+
			`"annotations":{"number":"%d"}}`, config, r.Layer, len(bytes), number)
		put := must(s.ecr.PutImage(s.ctx, &ecr.PutImageInput{
			RepositoryName: s.name, ImageManifest: &manifest, ImageTag: aws.String(fmt.Sprintf("v%d", number)),
		}))
		if *put.Image.ImageId.ImageDigest != digest([]byte(manifest)) {
			must(0, errors.New("another digest"))
		}
	}
	size := aws.Int32(2)
	described := ecr.NewDescribeImagesPaginator(s.ecr, &ecr.DescribeImagesInput{RepositoryName: s.name, MaxResults: size})
	for described.HasMorePages() {
		page := must(described.NextPage(s.ctx))
		r.Pages = append(r.Pages, len(page.ImageDetails))
		for _, image := range page.ImageDetails {
			r.Images = append(r.Images, image.ImageTags...)
		}
	}
	slices.Sort(r.Images)
	listed := ecr.NewListImagesPaginator(s.ecr, &ecr.ListImagesInput{RepositoryName: s.name, MaxResults: size})
	for listed.HasMorePages() {
		r.Listed += len(must(listed.NextPage(s.ctx)).ImageIds)
	}
	ids := []types.ImageIdentifier{{ImageTag: aws.String("v1")}, {ImageTag: aws.String("absent")}}
	got := must(s.ecr.BatchGetImage(s.ctx, &ecr.BatchGetImageInput{RepositoryName: s.name, ImageIds: ids}))
	for _, image := range got.Images {
		r.Got = append(r.Got, *image.ImageId.ImageTag)
	}
	r.Got = append(r.Got, codes(got.Failures)...)
	url := must(s.ecr.GetDownloadUrlForLayer(s.ctx, &ecr.GetDownloadUrlForLayerInput{
		RepositoryName: s.name, LayerDigest: &r.Layer,
	})).DownloadUrl
	answer := must(http.Get(*url))
	defer answer.Body.Close()
	r.Downloaded = digest(must(io.ReadAll(answer.Body))) == r.Layer
}

func codes(failures []types.ImageFailure) (found []string) {
	for _, failure := range failures {
		found = append(found, string(failure.FailureCode))
	}
	return found
}

func rule(count int) *string {
	return aws.String(fmt.Sprintf(`{"rules":[{"rulePriority":1,"description":"a rule","selection":{"tagStatus":"tagged",`+
		`"tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":%d},"action":{"type":"expire"}}]}`, count))
}

// lifecycle stores a policy, and waits for the preview of another one.
func (s session) lifecycle(r *report) {
	must(s.ecr.PutLifecyclePolicy(s.ctx, &ecr.PutLifecyclePolicyInput{
		RepositoryName: s.name, LifecyclePolicyText: rule(100),
	}))
	text := must(s.ecr.GetLifecyclePolicy(s.ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: s.name})).LifecyclePolicyText
	var policy struct{ Rules []any }
	must(0, json.Unmarshal([]byte(*text), &policy))
	r.Rules = len(policy.Rules)
	must(s.ecr.StartLifecyclePolicyPreview(s.ctx, &ecr.StartLifecyclePolicyPreviewInput{
		RepositoryName: s.name, LifecyclePolicyText: rule(1),
	}))
	preview := &ecr.GetLifecyclePolicyPreviewInput{RepositoryName: s.name}
	waiter := ecr.NewLifecyclePolicyPreviewCompleteWaiter(s.ecr, func(o *ecr.LifecyclePolicyPreviewCompleteWaiterOptions) {
		o.MinDelay = time.Second
	})
	must(0, waiter.Wait(s.ctx, preview, time.Minute))
	for _, result := range must(s.ecr.GetLifecyclePolicyPreview(s.ctx, preview)).PreviewResults {
		r.Expiring = append(r.Expiring, result.ImageTags...)
	}
	slices.Sort(r.Expiring)
	must(s.ecr.DeleteLifecyclePolicy(s.ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: s.name}))
}

// remove deletes an image and the repository, and collects the types of the exceptions.
func (s session) remove(r *report) {
	ids := []types.ImageIdentifier{{ImageTag: aws.String("v0")}, {ImageTag: aws.String("absent")}}
	gone := must(s.ecr.BatchDeleteImage(s.ctx, &ecr.BatchDeleteImageInput{RepositoryName: s.name, ImageIds: ids}))
	for _, id := range gone.ImageIds {
		r.Deleted = append(r.Deleted, *id.ImageTag)
	}
	r.Deleted = append(r.Deleted, codes(gone.Failures)...)
	_, noImage := s.ecr.DescribeImages(s.ctx, &ecr.DescribeImagesInput{RepositoryName: s.name, ImageIds: ids[1:]})
	_, noPolicy := s.ecr.GetLifecyclePolicy(s.ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: s.name})
	_, notEmpty := s.ecr.DeleteRepository(s.ctx, &ecr.DeleteRepositoryInput{RepositoryName: s.name})
	absent := []string{*s.name + "-absent"}
	_, noRepository := s.ecr.DescribeRepositories(s.ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: absent})
	r.Errors = []string{
		refused[*types.ImageNotFoundException]("ImageNotFoundException", noImage),
		refused[*types.LifecyclePolicyNotFoundException]("LifecyclePolicyNotFoundException", noPolicy),
		refused[*types.RepositoryNotEmptyException]("RepositoryNotEmptyException", notEmpty),
		refused[*types.RepositoryNotFoundException]("RepositoryNotFoundException", noRepository),
	}
	must(s.ecr.DeleteRepository(s.ctx, &ecr.DeleteRepositoryInput{RepositoryName: s.name, Force: true}))
}
