// The everyday calls of @aws-sdk/client-ecr in the repository that the argument names. Prints what the server answered as
// one JSON object; the other SDKs print the same one.
import { createHash } from "node:crypto";
import { ECR, paginateDescribeImages, paginateListImages, waitUntilLifecyclePolicyPreviewComplete } from "@aws-sdk/client-ecr";

const OCI = "application/vnd.oci.image";
const PART = 5 << 20;
const ABSENT = "sha256:" + "0".repeat(64);
const repositoryName = process.argv[2];
const ecr = new ECR();
const report = {};

const digestOf = (bytes) => "sha256:" + createHash("sha256").update(bytes).digest("hex");

async function refusal(call) {
  try {
    await call;
  } catch (error) {
    if (error.$metadata.httpStatusCode !== 400 || !error.message || !error.$metadata.requestId) throw error;
    return error.name;
  }
  throw new Error("was to be refused");
}

async function upload(bytes) {
  const { uploadId } = await ecr.initiateLayerUpload({ repositoryName });
  let parts = 0;
  for (let first = 0; first < bytes.length; first += PART, parts++) {
    const layerPartBlob = bytes.subarray(first, first + PART);
    const partLastByte = first + layerPartBlob.length - 1;
    await ecr.uploadLayerPart({ repositoryName, uploadId, partFirstByte: first, partLastByte, layerPartBlob });
  }
  const done = await ecr.completeLayerUpload({ repositoryName, uploadId, layerDigests: [digestOf(bytes)] });
  return { digest: done.layerDigest, size: bytes.length, parts };
}

function lifecycle(countNumber) {
  const selection = { tagStatus: "tagged", tagPatternList: ["v*"], countType: "imageCountMoreThan", countNumber };
  return JSON.stringify({ rules: [{ rulePriority: 1, description: "a rule", selection, action: { type: "expire" } }] });
}

// The repository, its tags and its policy.
const { repository } = await ecr.createRepository({ repositoryName, tags: [{ Key: "team", Value: "a" }] });
report.again = await refusal(ecr.createRepository({ repositoryName }));
if (Math.abs(Date.now() - repository.createdAt) > 600_000) throw new Error(`created at ${repository.createdAt}`);
await ecr.tagResource({ resourceArn: repository.repositoryArn, tags: [{ Key: "stage", Value: "test" }] });
const { tags } = await ecr.listTagsForResource({ resourceArn: repository.repositoryArn });
report.tags = tags.map(({ Key, Value }) => `${Key}=${Value}`).sort();
const statement = { Sid: "pull", Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" };
await ecr.setRepositoryPolicy({ repositoryName, policyText: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }) });
report.policy = JSON.parse((await ecr.getRepositoryPolicy({ repositoryName })).policyText).Statement[0].Sid === "pull";
const { authorizationData } = await ecr.getAuthorizationToken({});
report.user = Buffer.from(authorizationData[0].authorizationToken, "base64").toString().split(":")[0];
report.valid = authorizationData[0].expiresAt > new Date();

// Layers and images.
const layer = await upload(Buffer.from(Uint8Array.from({ length: PART + 9 }, (_, index) => (index * 7) % 251)));
const config = await upload(Buffer.from("{}"));
report.layer = layer.digest;
report.parts = layer.parts;
const layerDigests = [layer.digest, ABSENT];
const { layers } = await ecr.batchCheckLayerAvailability({ repositoryName, layerDigests });
report.available = layers.map((found) => found.layerAvailability);
for (const number of [0, 1, 2]) {
  const imageManifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, digest: config.digest, size: config.size },
    layers: [{ mediaType: `${OCI}.layer.v1.tar+gzip`, digest: layer.digest, size: layer.size }],
    annotations: { number: `${number}` },
  });
  const { image } = await ecr.putImage({ repositoryName, imageManifest, imageTag: `v${number}` });
  if (image.imageId.imageDigest !== digestOf(imageManifest)) throw new Error("another digest");
}
report.pages = [];
report.images = [];
for await (const page of paginateDescribeImages({ client: ecr, pageSize: 2 }, { repositoryName })) {
  report.pages.push(page.imageDetails.length);
  report.images.push(...page.imageDetails.flatMap((image) => image.imageTags));
}
report.images.sort();
report.listed = 0;
for await (const page of paginateListImages({ client: ecr, pageSize: 2 }, { repositoryName })) report.listed += page.imageIds.length;
const imageIds = [{ imageTag: "v1" }, { imageTag: "absent" }];
const got = await ecr.batchGetImage({ repositoryName, imageIds });
report.got = [...got.images.map((image) => image.imageId.imageTag), ...got.failures.map((failure) => failure.failureCode)];
const { downloadUrl } = await ecr.getDownloadUrlForLayer({ repositoryName, layerDigest: layer.digest });
report.downloaded = digestOf(Buffer.from(await (await fetch(downloadUrl)).arrayBuffer())) === layer.digest;

// The lifecycle policy, its preview and the waiter.
await ecr.putLifecyclePolicy({ repositoryName, lifecyclePolicyText: lifecycle(100) });
report.rules = JSON.parse((await ecr.getLifecyclePolicy({ repositoryName })).lifecyclePolicyText).rules.length;
await ecr.startLifecyclePolicyPreview({ repositoryName, lifecyclePolicyText: lifecycle(1) });
await waitUntilLifecyclePolicyPreviewComplete({ client: ecr, maxWaitTime: 60, minDelay: 1 }, { repositoryName });
const { previewResults } = await ecr.getLifecyclePolicyPreview({ repositoryName });
report.expiring = previewResults.flatMap((result) => result.imageTags).sort();
await ecr.deleteLifecyclePolicy({ repositoryName });

// What is deleted, and the exceptions.
const gone = await ecr.batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "v0" }, { imageTag: "absent" }] });
report.deleted = [...gone.imageIds.map((id) => id.imageTag), ...gone.failures.map((failure) => failure.failureCode)];
report.errors = [
  await refusal(ecr.describeImages({ repositoryName, imageIds: [{ imageTag: "absent" }] })),
  await refusal(ecr.getLifecyclePolicy({ repositoryName })),
  await refusal(ecr.deleteRepository({ repositoryName })),
  await refusal(ecr.describeRepositories({ repositoryNames: [`${repositoryName}-absent`] })),
];
await ecr.deleteRepository({ repositoryName, force: true });
console.log(JSON.stringify(report));
