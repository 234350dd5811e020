import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.ecr.EcrClient;
import software.amazon.awssdk.services.ecr.model.*;

/**
 * The everyday calls of the AWS SDK for Java 2 in the repository that the argument names. Prints what the server answered
 * as one JSON object; the other SDKs print the same one.
 */
public final class Everyday {
    private static final String OCI = "application/vnd.oci.image";
    private static final int PART = 5 << 20;
    private final EcrClient ecr = EcrClient.create();
    private final Map<String, Object> report = new LinkedHashMap<>();
    private final String name;

    private Everyday(String name) {
        this.name = name;
    }

    public static void main(String[] arguments) throws Exception {
        Everyday calls = new Everyday(arguments[0]);
        calls.repository();
        calls.images();
        calls.lifecycle();
        calls.remove();
        System.out.println(json(calls.report));
    }

    private static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            Stream<String> members = map.entrySet().stream().map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()));
            return members.collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Everyday::json).collect(Collectors.joining(",", "[", "]"));
        }
        return value instanceof String ? "\"" + value + "\"" : String.valueOf(value);
    }

    private static String digest(byte[] bytes) throws Exception {
        return "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** The name of the exception, which must have its own class. */
    private static <E extends EcrException> String refused(Class<E> wanted, Runnable call) {
        try {
            call.run();
        } catch (EcrException error) {
            if (!wanted.isInstance(error) || error.statusCode() != 400 || error.requestId() == null) {
                throw error;
            }
            return wanted.getSimpleName();
        }
        throw new IllegalStateException(wanted + " was to be thrown");
    }

    private String upload(byte[] bytes) throws Exception {
        String id = ecr.initiateLayerUpload(it -> it.repositoryName(name)).uploadId();
        for (int first = 0; first < bytes.length; first += PART) {
            int begin = first;
            int end = Math.min(first + PART, bytes.length);
            SdkBytes part = SdkBytes.fromByteArray(Arrays.copyOfRange(bytes, begin, end));
            ecr.uploadLayerPart(it -> it.repositoryName(name).uploadId(id).layerPartBlob(part)
                .partFirstByte((long) begin).partLastByte((long) end - 1));
        }
        String digest = digest(bytes);
        return ecr.completeLayerUpload(it -> it.repositoryName(name).uploadId(id).layerDigests(digest)).layerDigest();
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    private static ImageIdentifier tagged(String tag) {
        return ImageIdentifier.builder().imageTag(tag).build();
    }

    private void repository() {
        Repository made = ecr.createRepository(it -> it.repositoryName(name).tags(tag("team", "a"))).repository();
        if (Duration.between(made.createdAt(), Instant.now()).abs().toMinutes() > 10) {
            throw new IllegalStateException("created at " + made.createdAt());
        }
        report.put("again", refused(RepositoryAlreadyExistsException.class,
            () -> ecr.createRepository(it -> it.repositoryName(name))));
        ecr.tagResource(it -> it.resourceArn(made.repositoryArn()).tags(tag("stage", "test")));
        report.put("tags", ecr.listTagsForResource(it -> it.resourceArn(made.repositoryArn())).tags().stream()
            .map(tag -> tag.key() + "=" + tag.value()).sorted().toList());
        String policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"pull\",\"Effect\":\"Allow\","
            + "\"Principal\":\"*\",\"Action\":\"ecr:BatchGetImage\"}]}";
        ecr.setRepositoryPolicy(it -> it.repositoryName(name).policyText(policy));
        report.put("policy", ecr.getRepositoryPolicy(it -> it.repositoryName(name)).policyText().contains("\"pull\""));
        AuthorizationData data = ecr.getAuthorizationToken().authorizationData().get(0);
        byte[] password = Base64.getDecoder().decode(data.authorizationToken());
        report.put("user", new String(password, StandardCharsets.UTF_8).split(":")[0]);
        report.put("valid", data.expiresAt().isAfter(Instant.now()));
    }

    private void images() throws Exception {
        byte[] bytes = new byte[PART + 9];
        for (int index = 0; index < bytes.length; index++) {
            bytes[index] = (byte) (index * 7 % 251);
        }
        String layer = upload(bytes);
        String config = upload("{}".getBytes(StandardCharsets.UTF_8));
        report.put("layer", layer);
        report.put("parts", 2);
        report.put("available", ecr.batchCheckLayerAvailability(
                it -> it.repositoryName(name).layerDigests(layer, "sha256:" + "0".repeat(64)))
            .layers().stream().map(Layer::layerAvailabilityAsString).toList());
        for (int number = 0; number < 3; number++) {
            String tag = "v" + number;
            String manifest = "{\"schemaVersion\":2,\"mediaType\":\"" + OCI + ".manifest.v1+json\",\"config\":{\"mediaType\":\""
                + OCI + ".config.v1+json\",\"digest\":\"" + config + "\",\"size\":2},\"layers\":[{\"mediaType\":\"" + OCI
                + ".layer.v1.tar+gzip\",\"digest\":\"" + layer + "\",\"size\":" + bytes.length
                + "}],\"annotations\":{\"number\":\"" + number + "\"}}";
            Image image = ecr.putImage(it -> it.repositoryName(name).imageManifest(manifest).imageTag(tag)).image();
            if (!image.imageId().imageDigest().equals(digest(manifest.getBytes(StandardCharsets.UTF_8)))) {
                throw new IllegalStateException("another digest");
            }
        }
        List<Integer> pages = new ArrayList<>();
        List<String> images = new ArrayList<>();
        for (DescribeImagesResponse page : ecr.describeImagesPaginator(it -> it.repositoryName(name).maxResults(2))) {
            pages.add(page.imageDetails().size());
            page.imageDetails().forEach(image -> images.addAll(image.imageTags()));
        }
        report.put("pages", pages);
        report.put("images", images.stream().sorted().toList());
        report.put("listed", ecr.listImagesPaginator(it -> it.repositoryName(name).maxResults(2)).imageIds().stream().count());
        BatchGetImageResponse got = ecr.batchGetImage(it -> it.repositoryName(name).imageIds(tagged("v1"), tagged("absent")));
        report.put("got", Stream.concat(got.images().stream().map(image -> image.imageId().imageTag()),
            got.failures().stream().map(ImageFailure::failureCodeAsString)).toList());
        String url = ecr.getDownloadUrlForLayer(it -> it.repositoryName(name).layerDigest(layer)).downloadUrl();
        try (InputStream answer = URI.create(url).toURL().openStream()) {
            report.put("downloaded", digest(answer.readAllBytes()).equals(layer));
        }
    }

    private static String rule(int count) {
        return "{\"rules\":[{\"rulePriority\":1,\"description\":\"a rule\",\"selection\":{\"tagStatus\":\"tagged\","
            + "\"tagPatternList\":[\"v*\"],\"countType\":\"imageCountMoreThan\",\"countNumber\":" + count
            + "},\"action\":{\"type\":\"expire\"}}]}";
    }

    private void lifecycle() {
        ecr.putLifecyclePolicy(it -> it.repositoryName(name).lifecyclePolicyText(rule(100)));
        String text = ecr.getLifecyclePolicy(it -> it.repositoryName(name)).lifecyclePolicyText();
        report.put("rules", text.split("rulePriority", -1).length - 1);
        ecr.startLifecyclePolicyPreview(it -> it.repositoryName(name).lifecyclePolicyText(rule(1)));
        try (var waiter = ecr.waiter()) {
            waiter.waitUntilLifecyclePolicyPreviewComplete(it -> it.repositoryName(name),
                it -> it.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofSeconds(1))).maxAttempts(60));
        }
        report.put("expiring", ecr.getLifecyclePolicyPreview(it -> it.repositoryName(name)).previewResults().stream()
            .flatMap(result -> result.imageTags().stream()).sorted().toList());
        ecr.deleteLifecyclePolicy(it -> it.repositoryName(name));
    }

    private void remove() {
        var gone = ecr.batchDeleteImage(it -> it.repositoryName(name).imageIds(tagged("v0"), tagged("absent")));
        report.put("deleted", Stream.concat(gone.imageIds().stream().map(ImageIdentifier::imageTag),
            gone.failures().stream().map(ImageFailure::failureCodeAsString)).toList());
        report.put("errors", List.of(
            refused(ImageNotFoundException.class,
                () -> ecr.describeImages(it -> it.repositoryName(name).imageIds(tagged("absent")))),
            refused(LifecyclePolicyNotFoundException.class, () -> ecr.getLifecyclePolicy(it -> it.repositoryName(name))),
            refused(RepositoryNotEmptyException.class, () -> ecr.deleteRepository(it -> it.repositoryName(name))),
            refused(RepositoryNotFoundException.class,
                () -> ecr.describeRepositories(it -> it.repositoryNames(name + "-absent")))));
        ecr.deleteRepository(it -> it.repositoryName(name).force(true));
    }
}
