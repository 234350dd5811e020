DELETE FROM access_key WHERE id = $1 AND owner = $2
DELETE FROM account_alias WHERE account = $1 AND alias <> $2
DELETE FROM account_alias WHERE alias = $1 AND account = $2
DELETE FROM api_destination WHERE arn = $1
DELETE FROM blob_link WHERE registry = $1 AND repository = $2 AND digest = $3 AND renewed_at <= $4
DELETE FROM commit_marker WHERE at < extract(epoch FROM now())::BIGINT - 604800
DELETE FROM creation_template WHERE registry = $1 AND scope = $2
DELETE FROM dead_letter WHERE target = $1 AND sequence = (SELECT MIN(sequence) FROM dead_letter WHERE target = $1)
DELETE FROM dead_letter WHERE target = $1 AND sequence IN (SELECT sequence FROM dead_letter WHERE target = $1 AND sequence BETWEEN $2 AND $3 ORDER BY sequence LIMIT $4) RETURNING sequence, body
DELETE FROM dead_letter WHERE target = $1 AND sequence IN (SELECT sequence FROM dead_letter WHERE target = $1 ORDER BY sequence LIMIT $2)
DELETE FROM delivery WHERE target = $1 AND sequence = $2 RETURNING at, attempts, body
DELETE FROM delivery WHERE target = $1 AND sequence IN ($2)
DELETE FROM delivery WHERE target = $1 AND sequence IN ($2, $3)
DELETE FROM delivery WHERE target = $1 AND sequence IN (SELECT sequence FROM delivery WHERE target = $1 ORDER BY sequence LIMIT $2)
DELETE FROM delivery_target WHERE target = $1
DELETE FROM doomed WHERE object_key IN ($1) RETURNING size
DELETE FROM doomed WHERE object_key IN ($1, $2) RETURNING size
DELETE FROM doomed WHERE object_key IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) RETURNING size
DELETE FROM event_connection WHERE arn = $1
DELETE FROM event_rule WHERE arn = $1
DELETE FROM event_target WHERE rule = $1 AND id = $2 RETURNING delivery
DELETE FROM group_member WHERE group_id = $1 AND user_id = $2
DELETE FROM iam_tag WHERE owner = $1
DELETE FROM iam_tag WHERE owner = $1 AND key_folded = $2
DELETE FROM identity_policy_inline WHERE owner = $1 AND name = $2
DELETE FROM identity_policy_managed WHERE owner = $1 AND arn = $2
DELETE FROM image WHERE registry = $1 AND repository = $2 AND (id) IN (SELECT id FROM image WHERE registry = $1 AND repository = $2 ORDER BY id LIMIT $3)
DELETE FROM image WHERE registry = $1 AND repository = $2 AND id = $3 RETURNING manifest_size, digest
DELETE FROM image_blob WHERE registry = $1 AND repository = $2 AND (image, digest) IN (SELECT image, digest FROM image_blob WHERE registry = $1 AND repository = $2 ORDER BY image, digest LIMIT $3)
DELETE FROM image_blob WHERE registry = $1 AND repository = $2 AND image = $3
DELETE FROM image_child WHERE registry = $1 AND repository = $2 AND (image, digest) IN (SELECT image, digest FROM image_child WHERE registry = $1 AND repository = $2 ORDER BY image, digest LIMIT $3)
DELETE FROM image_child WHERE registry = $1 AND repository = $2 AND image = $3
DELETE FROM image_pull WHERE registry = $1 AND repository = $2 AND (image) IN (SELECT image FROM image_pull WHERE registry = $1 AND repository = $2 ORDER BY image LIMIT $3)
DELETE FROM image_pull WHERE registry = $1 AND repository = $2 AND image = $3
DELETE FROM image_scan WHERE registry = $1 AND repository = $2 AND (image) IN (SELECT image FROM image_scan WHERE registry = $1 AND repository = $2 ORDER BY image LIMIT $3)
DELETE FROM image_scan WHERE registry = $1 AND repository = $2 AND image = $3
DELETE FROM instance_profile WHERE unique_id = $1
DELETE FROM lifecycle_action WHERE registry = $1 AND repository = $2 AND (id) IN (SELECT id FROM lifecycle_action WHERE registry = $1 AND repository = $2 ORDER BY id LIMIT $3)
DELETE FROM lifecycle_action WHERE registry = $1 AND repository = $2 AND id <= $3
DELETE FROM lifecycle_policy WHERE registry = $1 AND repository = $2 AND (repository) IN (SELECT repository FROM lifecycle_policy WHERE registry = $1 AND repository = $2 ORDER BY repository LIMIT $3)
DELETE FROM lifecycle_policy WHERE registry = $1 AND repository = $2 RETURNING document, version, last_evaluated_at
DELETE FROM lifecycle_preview WHERE registry = $1 AND repository = $2 AND (repository) IN (SELECT repository FROM lifecycle_preview WHERE registry = $1 AND repository = $2 ORDER BY repository LIMIT $3)
DELETE FROM lifecycle_preview_result WHERE registry = $1 AND repository = $2
DELETE FROM lifecycle_preview_result WHERE registry = $1 AND repository = $2 AND (position) IN (SELECT position FROM lifecycle_preview_result WHERE registry = $1 AND repository = $2 ORDER BY position LIMIT $3)
DELETE FROM link_review WHERE registry = $1 AND repository = $2 AND (digest) IN (SELECT digest FROM link_review WHERE registry = $1 AND repository = $2 ORDER BY digest LIMIT $3)
DELETE FROM link_review WHERE registry = $1 AND repository = $2 AND digest = $3 AND queued_at = $4
DELETE FROM managed_policy WHERE policy_id = $1
DELETE FROM managed_policy_version WHERE policy_id = $1
DELETE FROM managed_policy_version WHERE version = $2 AND policy_id IN (SELECT policy_id FROM managed_policy WHERE arn = $1)
DELETE FROM manifest_body WHERE registry = $1 AND repository = $2 AND (image) IN (SELECT image FROM manifest_body WHERE registry = $1 AND repository = $2 ORDER BY image LIMIT $3)
DELETE FROM manifest_body WHERE registry = $1 AND repository = $2 AND image = $3
DELETE FROM object WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM blob_link WHERE object = $1) RETURNING object_key, digest, size
DELETE FROM object_review WHERE object = $1 AND queued_at = $2
DELETE FROM oidc_provider WHERE arn = $1
DELETE FROM password_policy WHERE account = $1
DELETE FROM principal WHERE unique_id = $1
DELETE FROM pull_time_exclusion WHERE registry = $1 AND principal_arn = $2
DELETE FROM removed_event_target WHERE delivery = $1
DELETE FROM replication WHERE registry = $1 AND repository = $2 AND (digest, tag, destination) IN (SELECT digest, tag, destination FROM replication WHERE registry = $1 AND repository = $2 ORDER BY digest, tag, destination LIMIT $3)
DELETE FROM replication WHERE registry = $1 AND repository = $2 AND digest = $3 AND action = 1
DELETE FROM replication_peer WHERE registry = $1 AND repository = $2 AND (source) IN (SELECT source FROM replication_peer WHERE registry = $1 AND repository = $2 ORDER BY source LIMIT $3)
DELETE FROM repository WHERE registry = $1 AND id = $2
DELETE FROM repository_catalog_data WHERE registry = $1 AND repository = $2 AND (repository) IN (SELECT repository FROM repository_catalog_data WHERE registry = $1 AND repository = $2 ORDER BY repository LIMIT $3)
DELETE FROM repository_policy WHERE registry = $1 AND repository = $2 AND (repository) IN (SELECT repository FROM repository_policy WHERE registry = $1 AND repository = $2 ORDER BY repository LIMIT $3)
DELETE FROM repository_redirect WHERE registry = $1 AND name = $2
DELETE FROM repository_redirect WHERE registry = $1 AND repository = $2 AND (name) IN (SELECT name FROM repository_redirect WHERE registry = $1 AND repository = $2 ORDER BY name LIMIT $3)
DELETE FROM repository_tag WHERE registry = $1 AND repository = $2 AND (key) IN (SELECT key FROM repository_tag WHERE registry = $1 AND repository = $2 ORDER BY key LIMIT $3)
DELETE FROM repository_usage WHERE registry = $1 AND repository = $2 RETURNING unique_bytes, object_bytes
DELETE FROM role WHERE unique_id = $1
DELETE FROM session_context WHERE owner = $1
DELETE FROM tag WHERE registry = $1 AND repository = $2 AND (name) IN (SELECT name FROM tag WHERE registry = $1 AND repository = $2 ORDER BY name LIMIT $3)
DELETE FROM tag WHERE registry = $1 AND repository = $2 AND image = $3 RETURNING name
DELETE FROM tag WHERE registry = $1 AND repository = $2 AND name = $3 RETURNING image
DELETE FROM tag_history WHERE registry = $1 AND repository = $2 AND (id) IN (SELECT id FROM tag_history WHERE registry = $1 AND repository = $2 ORDER BY id LIMIT $3)
DELETE FROM upload WHERE (registry, repository, id) IN (SELECT u.registry, u.repository, u.id FROM upload u WHERE u.updated_at < $1 ORDER BY u.updated_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING registry, repository, object_key, received
DELETE FROM upload WHERE registry = $1 AND repository = $2 AND id = $3
DELETE FROM upload WHERE registry = $1 AND repository = $2 AND id IN (SELECT id FROM upload WHERE registry = $1 AND repository = $2 ORDER BY id LIMIT $3) RETURNING registry, repository, object_key, received
DELETE FROM upstream_tag WHERE registry = $1 AND repository = $2 AND (name) IN (SELECT name FROM upstream_tag WHERE registry = $1 AND repository = $2 ORDER BY name LIMIT $3)
DELETE FROM work WHERE kind = $1 AND key = $2 AND fence = $3
INSERT INTO access_key (id, owner, active, sealed_secret, created_at) VALUES ($1, $2, 1, $3, $4) ON CONFLICT (id) DO NOTHING
INSERT INTO account (key, account_id, name, status, created_at) VALUES ($1, $2, $3, 'ACTIVE', $4) ON CONFLICT (account_id) DO NOTHING
INSERT INTO account_alias (alias, account) VALUES ($1, $2) ON CONFLICT (alias) DO NOTHING
INSERT INTO account_setting (registry, name, value) VALUES ($1, $2, $3) ON CONFLICT (registry, name) DO UPDATE SET value = excluded.value
INSERT INTO account_tag (account, key, value) SELECT a.key, $2, $3 FROM account a WHERE a.account_id = $1 ON CONFLICT (account, key) DO UPDATE SET value = excluded.value
INSERT INTO api_destination (arn, account_id, region, name, id, description, connection_arn, endpoint, method, rate, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1)
INSERT INTO blob_link (registry, repository, digest, object, origin, linked_at, renewed_at, operation) VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT (registry, repository, digest) DO NOTHING
INSERT INTO commit_marker (slot, number, at) VALUES ($1, $2, extract(epoch FROM now())::BIGINT) ON CONFLICT (slot) DO UPDATE SET number = excluded.number, at = excluded.at
INSERT INTO creation_template (registry, scope, prefix, description, applied_for, mutability, exclusion_filters, resource_tags, encryption_type, kms_key, repository_policy, lifecycle_policy, custom_role_arn, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, 1)
INSERT INTO credential_report (account, started_at) VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET started_at = excluded.started_at, generated_at = NULL, content = NULL WHERE CASE WHEN credential_report.generated_at IS NULL THEN credential_report.started_at <= $4 ELSE credential_report.generated_at <= $3 END
INSERT INTO dead_letter (target, sequence, at, attempts, body, died_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7)
INSERT INTO delivery (target, sequence, at, attempts, body) VALUES ($1, $2, $3, 0, $4)
INSERT INTO delivery (target, sequence, at, attempts, body) VALUES ($1, $2, $3, 0, $4) ON CONFLICT (target, sequence) DO NOTHING
INSERT INTO delivery_target (target, waiting, dead, delivered, dropped, failures, retry_at, delivered_at, error) VALUES ($1, 1, 0, 0, 0, 0, 0, 0, NULL) ON CONFLICT (target) DO UPDATE SET waiting = delivery_target.waiting + 1 WHERE delivery_target.waiting < $2
INSERT INTO doomed (object_key, doomed_at, due_at, size, digest) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (object_key) DO NOTHING
INSERT INTO event_connection (arn, account_id, region, name, id, description, authorization_type, sealed_auth, created_at, updated_at, authorized_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9, 1)
INSERT INTO event_rule (arn, account_id, region, name, pattern, state, description, role_arn, created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $2, $9, $9) ON CONFLICT (arn) DO UPDATE SET pattern = excluded.pattern, state = excluded.state, description = excluded.description, role_arn = excluded.role_arn, updated_at = excluded.updated_at
INSERT INTO event_target (rule, id, arn, document, delivery) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (rule, id) DO UPDATE SET arn = excluded.arn, document = excluded.document
INSERT INTO group_member (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING
INSERT INTO iam_tag (owner, key_folded, key, value) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, key_folded) DO UPDATE SET key = excluded.key, value = excluded.value
INSERT INTO identity_policy_inline (owner, name, document) VALUES ($1, $2, $3) ON CONFLICT (owner, name) DO UPDATE SET document = excluded.document
INSERT INTO identity_policy_managed (owner, arn) VALUES ($1, $2) ON CONFLICT DO NOTHING
INSERT INTO image (registry, repository, id, digest, media_type, artifact_type, config_media_type, manifest_size, image_size, subject, annotations, status, tagged, tag_count, pushed_at, pushed_by, last_activated_at, origin, operation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, 0, 0, $12, $13, $12, 'push', $14)
INSERT INTO image_blob (registry, repository, image, digest) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
INSERT INTO image_blob (registry, repository, image, digest) VALUES ($1, $2, $3, $4), ($1, $2, $3, $5) ON CONFLICT DO NOTHING
INSERT INTO image_child (registry, repository, image, digest) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
INSERT INTO image_child (registry, repository, image, digest) VALUES ($1, $2, $3, $4), ($1, $2, $3, $5), ($1, $2, $3, $6), ($1, $2, $3, $7) ON CONFLICT DO NOTHING
INSERT INTO image_scan (registry, repository, image, status, description, started_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (registry, repository, image) DO UPDATE SET status = excluded.status, description = excluded.description, started_at = excluded.started_at
INSERT INTO instance_profile (unique_id, account, path, name, name_folded, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
INSERT INTO lifecycle_action (registry, repository, id, at, digest, tags, action, rule_priority, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
INSERT INTO lifecycle_policy (registry, repository, document, version, last_evaluated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (registry, repository) DO UPDATE SET document = excluded.document, version = CASE WHEN lifecycle_policy.version >= excluded.version THEN lifecycle_policy.version + 1 ELSE excluded.version END
INSERT INTO lifecycle_preview (registry, repository, id, document, state, started_at, ended_at, expiring, archiving) VALUES ($1, $2, $3, $4, 'IN_PROGRESS', $5, NULL, 0, 0) ON CONFLICT (registry, repository) DO UPDATE SET id = excluded.id, document = excluded.document, state = excluded.state, started_at = excluded.started_at, ended_at = NULL, expiring = 0, archiving = 0
INSERT INTO lifecycle_preview_result (registry, repository, position, digest, tags, pushed_at, action, rule_priority, storage_class) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
INSERT INTO link_review (registry, repository, digest, queued_at) VALUES ($1, $2, $3, $4) ON CONFLICT (registry, repository, digest) DO NOTHING
INSERT INTO link_review (registry, repository, digest, queued_at) VALUES ($1, $2, $3, $4) ON CONFLICT (registry, repository, digest) DO UPDATE SET queued_at = CASE WHEN excluded.queued_at > link_review.queued_at THEN excluded.queued_at ELSE link_review.queued_at + 1 END
INSERT INTO login_profile (owner, hashes, reset_required, created_at, changed_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (owner) DO NOTHING
INSERT INTO managed_policy (arn, policy_id, account, path, name, name_folded, description, default_version, last_version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, $8, $8) ON CONFLICT DO NOTHING
INSERT INTO managed_policy_version (policy_id, version, document, created_at) VALUES ($1, $2, $3, $4)
INSERT INTO manifest_body (registry, repository, image, body) VALUES ($1, $2, $3, $4)
INSERT INTO mfa_device (serial_number, account, sealed_seed, last_step, drift, failures, failed_at, created_at) VALUES ($1, $2, $3, 0, 0, 0, 0, $4) ON CONFLICT (serial_number) DO NOTHING
INSERT INTO object (id, digest, object_key, size, created_at, renewed_at, operation) VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (digest) DO UPDATE SET renewed_at = excluded.renewed_at RETURNING id, object_key, size
INSERT INTO object_review (object, queued_at) VALUES ($1, $2) ON CONFLICT (object) DO NOTHING
INSERT INTO object_review (object, queued_at) VALUES ($1, $2) ON CONFLICT (object) DO UPDATE SET queued_at = CASE WHEN excluded.queued_at > object_review.queued_at THEN excluded.queued_at ELSE object_review.queued_at + 1 END
INSERT INTO oidc_provider (arn, account, url, client_ids, thumbprints, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
INSERT INTO outbox (id, position, at, kind, account_id, region, resource, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id, position) DO NOTHING
INSERT INTO password_policy (account, minimum_length, require_symbols, require_numbers, require_uppercase, require_lowercase, allow_users_to_change, max_age_days, reuse_prevention, hard_expiry) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (account) DO UPDATE SET minimum_length = excluded.minimum_length, require_symbols = excluded.require_symbols, require_numbers = excluded.require_numbers, require_uppercase = excluded.require_uppercase, require_lowercase = excluded.require_lowercase, allow_users_to_change = excluded.allow_users_to_change, max_age_days = excluded.max_age_days, reuse_prevention = excluded.reuse_prevention, hard_expiry = excluded.hard_expiry
INSERT INTO principal (unique_id, account, kind, path, name, name_folded, version, created_at) SELECT a.account_id, a.key, 'root', '/', 'root', 'root', 1, $2 FROM account a WHERE a.account_id = $1 ON CONFLICT (unique_id) DO NOTHING
INSERT INTO principal (unique_id, account, kind, path, name, name_folded, version, created_at) VALUES ($1, $2, 'user', $3, $4, $5, 1, $6) ON CONFLICT (account, kind, name_folded) DO NOTHING
INSERT INTO principal (unique_id, account, kind, path, name, name_folded, version, created_at, boundary) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) ON CONFLICT DO NOTHING
INSERT INTO pull_time_exclusion (registry, principal_arn, created_at) VALUES ($1, $2, $3)
INSERT INTO registry (key, account, region, policy_version, repository_count, created_at) VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT (account, region) DO NOTHING
INSERT INTO removed_event_target (delivery) VALUES ($1) ON CONFLICT (delivery) DO NOTHING
INSERT INTO replication (registry, repository, digest, tag, destination, action, status, queued_at, due_at, attempts, version) SELECT $1, $2, $3, $4, d.destination, $5, 1, $6, $6, 0, 1 FROM (SELECT DISTINCT u.destination AS destination FROM repository r JOIN replication_rule u ON u.registry = r.registry AND substr(r.name, 1, length(u.prefix)) = u.prefix WHERE r.registry = $1 AND r.id = $2 AND u.deletes = 1) d WHERE TRUE ON CONFLICT (registry, repository, digest, tag, destination) DO UPDATE SET action = excluded.action, status = 1, failure_code = NULL, queued_at = excluded.queued_at, due_at = excluded.due_at, attempts = 0, version = replication.version + 1
INSERT INTO replication (registry, repository, digest, tag, destination, action, status, queued_at, due_at, attempts, version) SELECT $1, $2, $3, $4, d.destination, $5, 1, $6, $6, 0, 1 FROM (SELECT DISTINCT u.destination AS destination FROM repository r JOIN replication_rule u ON u.registry = r.registry AND substr(r.name, 1, length(u.prefix)) = u.prefix WHERE r.registry = $1 AND r.id = $2) d WHERE TRUE ON CONFLICT (registry, repository, digest, tag, destination) DO UPDATE SET action = excluded.action, status = 1, failure_code = NULL, queued_at = excluded.queued_at, due_at = excluded.due_at, attempts = 0, version = replication.version + 1
INSERT INTO replication (registry, repository, digest, tag, destination, action, status, queued_at, due_at, attempts, version) SELECT i.registry, i.repository, i.digest, COALESCE(t.name, ''), d.destination, 1, 1, $4, $4, 0, 1 FROM (SELECT DISTINCT u.destination AS destination FROM repository r JOIN replication_rule u ON u.registry = r.registry AND substr(r.name, 1, length(u.prefix)) = u.prefix WHERE r.registry = $1 AND r.id = $2) d CROSS JOIN image i LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id WHERE i.registry = $1 AND i.repository = $2 AND i.id = $3 ON CONFLICT (registry, repository, digest, tag, destination) DO UPDATE SET action = excluded.action, status = 1, failure_code = NULL, queued_at = excluded.queued_at, due_at = excluded.due_at, attempts = 0, version = replication.version + 1
INSERT INTO repository (registry, id, name, created_at, operation, mutability, exclusion_filters, scan_on_push, encryption_type, kms_key, policy_version, tags_version, last_image_id, image_count, tag_count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0) ON CONFLICT (registry, name) WHERE deleted_at IS NULL DO NOTHING
INSERT INTO repository_policy (registry, repository, document) VALUES ($1, $2, $3) ON CONFLICT (registry, repository) DO UPDATE SET document = excluded.document
INSERT INTO repository_usage (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes) VALUES ($1, $2, 0, 0, 0, 0) ON CONFLICT (registry, repository) DO NOTHING
INSERT INTO repository_usage (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes, upload_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (registry, repository) DO UPDATE SET layer_bytes = repository_usage.layer_bytes + excluded.layer_bytes, manifest_bytes = repository_usage.manifest_bytes + excluded.manifest_bytes, unique_bytes = repository_usage.unique_bytes + excluded.unique_bytes, object_bytes = repository_usage.object_bytes + excluded.object_bytes, upload_bytes = repository_usage.upload_bytes + excluded.upload_bytes
INSERT INTO role (unique_id, trust_policy, description, max_session_seconds, service_name) VALUES ($1, $2, $3, $4, $5)
INSERT INTO scanning_configuration (registry, scan_type, rules) VALUES ($1, $2, $3) ON CONFLICT (registry) DO UPDATE SET scan_type = excluded.scan_type, rules = excluded.rules
INSERT INTO session_context (id, owner, context, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, context = excluded.context WHERE session_context.expires_at < excluded.expires_at
INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING
INSERT INTO setting (name, value) VALUES ('left', $1)
INSERT INTO tag (registry, repository, name, image, tagged_at, operation) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (registry, repository, name) DO UPDATE SET image = excluded.image, tagged_at = excluded.tagged_at, operation = excluded.operation, archived = 0, origin_at = NULL
INSERT INTO tag_history (registry, repository, id, tag, digest, previous, moved_by, moved_at) SELECT $1, $2, COALESCE(MAX(id), 0) + 1, $3, $4, $5, $6, $7 FROM tag_history WHERE registry = $1 AND repository = $2
INSERT INTO upload (registry, repository, id, principal, object_key, algorithm, received, hash_state, version, part_count, last_part_size, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 0, NULL, 0, 0, 0, $7, $7) ON CONFLICT (registry, repository, id) DO NOTHING
INSERT INTO work (kind, key, due_at, lease_until, fence, attempts, error) VALUES ($1, $2, $3, 0, 0, 0, NULL) ON CONFLICT (kind, key) DO NOTHING
INSERT INTO work (kind, key, due_at, lease_until, fence, attempts, error) VALUES ($1, $2, $3, 0, 0, 0, NULL) ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, lease_until = 0, fence = work.fence + 1 WHERE work.due_at > excluded.due_at OR work.lease_until > excluded.due_at
INSERT INTO work (kind, key, due_at, lease_until, fence, attempts, error) VALUES ($1, $2, $3, 0, 0, 0, NULL) ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, lease_until = 0, fence = work.fence + 1, attempts = 0, error = NULL
SELECT (SELECT COUNT(*) FROM (SELECT g.key FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = $1) x), (SELECT COALESCE(MAX(r.image_count), 0) FROM repository r WHERE r.registry IN (SELECT g.key FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = $1) AND r.deleted_at IS NULL), (SELECT COALESCE(MAX(COALESCE((SELECT MAX(i.tag_count) FROM image i WHERE i.registry = g.key AND i.tag_count > 1), (SELECT 1 FROM tag t WHERE t.registry = g.key LIMIT 1))), 0) FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = $1), (SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM pull_time_exclusion t WHERE t.registry IN (SELECT g.key FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = $1) GROUP BY t.registry) c), (SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM in_use_report t WHERE t.registry IN (SELECT g.key FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = $1) GROUP BY t.registry) c), (SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM creation_template t WHERE t.registry IN (SELECT g.key FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = $1) GROUP BY t.registry) c)
SELECT (SELECT COUNT(*) FROM principal p WHERE p.account = a.key AND p.kind = 'user'), (SELECT COUNT(*) FROM principal p WHERE p.account = a.key AND p.kind = 'group'), (SELECT COUNT(*) FROM principal p WHERE p.account = a.key AND p.kind = 'role'), (SELECT COUNT(*) FROM managed_policy m WHERE m.account = a.key), (SELECT COUNT(*) FROM managed_policy m JOIN managed_policy_version v ON v.policy_id = m.policy_id WHERE m.account = a.key), (SELECT COUNT(*) FROM instance_profile i WHERE i.account = a.key), (SELECT COUNT(*) FROM oidc_provider o WHERE o.account = a.key), (SELECT COUNT(*) FROM access_key k JOIN principal p ON p.unique_id = k.owner WHERE p.account = a.key AND p.kind = 'root'), (SELECT COUNT(*) FROM mfa_device d WHERE d.account = a.key), (SELECT COUNT(*) FROM mfa_device d WHERE d.account = a.key AND d.owner IS NOT NULL), (SELECT COUNT(*) FROM mfa_device d WHERE d.account = a.key AND d.owner = a.account_id) FROM account a WHERE a.account_id = $1
SELECT 0 AS part, '' AS name, NULL AS body, version FROM principal WHERE unique_id = $1 UNION ALL SELECT 1, name, document, 0 FROM identity_policy_inline WHERE owner = $1 UNION ALL SELECT 2, g.name || '/' || i.name, i.document, 0 FROM group_member m JOIN principal g ON g.unique_id = m.group_id JOIN identity_policy_inline i ON i.owner = m.group_id WHERE m.user_id = $1 UNION ALL SELECT 3, i.arn, v.document, 0 FROM identity_policy_managed i LEFT JOIN managed_policy p ON p.arn = i.arn LEFT JOIN managed_policy_version v ON v.policy_id = p.policy_id AND v.version = p.default_version WHERE i.owner = $1 UNION ALL SELECT 4, i.arn, v.document, 0 FROM group_member m JOIN identity_policy_managed i ON i.owner = m.group_id LEFT JOIN managed_policy p ON p.arn = i.arn LEFT JOIN managed_policy_version v ON v.policy_id = p.policy_id AND v.version = p.default_version WHERE m.user_id = $1 UNION ALL SELECT 5, b.boundary, v.document, 0 FROM principal b LEFT JOIN managed_policy p ON p.arn = b.boundary LEFT JOIN managed_policy_version v ON v.policy_id = p.policy_id AND v.version = p.default_version WHERE b.unique_id = $1 AND b.boundary IS NOT NULL UNION ALL SELECT 6, key, value, 0 FROM iam_tag WHERE owner = $1 ORDER BY 1, 2
SELECT 1 FROM access_key WHERE id = $1 AND owner = $2 AND sealed_secret = $3
SELECT 1 FROM access_key WHERE owner = $1 LIMIT 1
SELECT 1 FROM account WHERE account_id = $1 FOR NO KEY UPDATE
SELECT 1 FROM account WHERE key = $1 FOR NO KEY UPDATE
SELECT 1 FROM account WHERE key = (SELECT account FROM principal WHERE unique_id = $1) FOR NO KEY UPDATE
SELECT 1 FROM event_rule WHERE arn = $1 FOR NO KEY UPDATE
SELECT 1 FROM event_rule WHERE arn = $1 FOR UPDATE
SELECT 1 FROM event_target WHERE delivery = $1
SELECT 1 FROM event_target WHERE rule = $1 LIMIT 1
SELECT 1 FROM group_member WHERE group_id = $1 LIMIT 1
SELECT 1 FROM group_member WHERE user_id = $1 LIMIT 1
SELECT 1 FROM identity_policy_inline WHERE owner = $1 LIMIT 1
SELECT 1 FROM identity_policy_managed WHERE owner = $1 LIMIT 1
SELECT 1 FROM image WHERE registry = $1 AND repository = $2 AND digest = $3
SELECT 1 FROM image WHERE registry = $1 AND repository = $2 AND id = $3
SELECT 1 FROM image WHERE registry = $1 AND repository = $2 AND subject = $3 LIMIT 1
SELECT 1 FROM image_blob WHERE registry = $1 AND repository = $2 AND digest = $3 LIMIT 1
SELECT 1 FROM image_child c JOIN image p ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image WHERE c.registry = $1 AND c.repository = $2 AND c.digest = $3 AND p.id <> $4 AND p.status <> $5 LIMIT 1
SELECT 1 FROM image_child c JOIN image p ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image WHERE c.registry = $1 AND c.repository = $2 AND c.digest = $3 AND p.id <> $4 AND p.status <> 2 LIMIT 1
SELECT 1 FROM instance_profile WHERE role = $1 LIMIT 1
SELECT 1 FROM instance_profile WHERE unique_id = $1 FOR NO KEY UPDATE
SELECT 1 FROM lifecycle_policy WHERE registry = $1 AND repository = $2
SELECT 1 FROM lifecycle_preview WHERE registry = $1 AND repository = $2 AND id = $3
SELECT 1 FROM login_profile WHERE owner = $1 LIMIT 1
SELECT 1 FROM managed_policy WHERE arn = $1 AND default_version = $2
SELECT 1 FROM managed_policy WHERE arn = $1 FOR KEY SHARE
SELECT 1 FROM managed_policy WHERE arn = $1 FOR UPDATE
SELECT 1 FROM managed_policy WHERE policy_id = $1 FOR NO KEY UPDATE
SELECT 1 FROM managed_policy_version v JOIN managed_policy m ON m.policy_id = v.policy_id WHERE m.arn = $1 AND v.version = $2
SELECT 1 FROM mfa_device WHERE owner = $1 LIMIT 1
SELECT 1 FROM object o WHERE o.id = $1 AND substr(o.object_key, 1, 8) = 'archive-'
SELECT 1 FROM oidc_provider WHERE arn = $1 FOR NO KEY UPDATE
SELECT 1 FROM principal WHERE unique_id = $1
SELECT 1 FROM principal WHERE unique_id = $1 FOR UPDATE
SELECT 1 FROM principal p JOIN principal o ON o.account = p.account AND o.kind = p.kind WHERE p.unique_id = $1 AND o.name_folded = $2 AND o.unique_id <> $1
SELECT 1 FROM repository WHERE registry = $1 AND id = $2 AND deleted_at IS NOT NULL
SELECT 1 FROM secret WHERE arn = $1 FOR NO KEY UPDATE
SELECT 1 FROM work WHERE kind = $1 AND key = $2 AND fence = $3
SELECT 1 FROM work WHERE kind = $1 AND key > $2 AND key < $3 LIMIT 1
SELECT CASE WHEN EXISTS (SELECT 1 FROM image WHERE registry = $1 AND repository = $2 AND protected_at IS NOT NULL) OR EXISTS (SELECT 1 FROM tag WHERE registry = $1 AND repository = $2 AND protected_at IS NOT NULL) OR EXISTS (SELECT 1 FROM in_use_report WHERE registry = $1 AND expires_at > $3) THEN 1 ELSE 0 END
SELECT CAST(COALESCE((SELECT SUM(size) FROM object), 0) AS BIGINT) - CAST(COALESCE((SELECT SUM(object_bytes) FROM repository_usage), 0) AS BIGINT), COALESCE((SELECT corrections FROM repository_usage WHERE registry = 0 AND repository = 0), 0)
SELECT CAST(COALESCE(SUM(object_bytes + manifest_bytes + upload_bytes), 0) AS BIGINT) FROM repository_usage
SELECT COALESCE(MAX(image_size), 0) FROM image WHERE registry = $1 AND repository = $2 AND digest IN ($3)
SELECT COALESCE(MAX(image_size), 0) FROM image WHERE registry = $1 AND repository = $2 AND digest IN ($3, $4, $5, $6)
SELECT COUNT(*) FROM (SELECT 1 FROM access_key WHERE substr(sealed_secret, 2, 1) <> $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM delivery WHERE sequence > $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM doomed WHERE due_at <= $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM event_connection WHERE substr(sealed_auth, 2, 1) <> $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM in_use_report WHERE expires_at <= $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM link_review WHERE queued_at <= $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM mfa_device WHERE substr(sealed_seed, 2, 1) <> $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM object_review WHERE queued_at <= $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE id < $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE routed = $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM replication WHERE status = 1 AND queued_at <= $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM secret WHERE delete_at <= $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM secret_value WHERE substr(sealed, 2, 1) <> $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM session_context WHERE expires_at < $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM upload WHERE updated_at < $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM work WHERE kind = $1 AND due_at <= $2 LIMIT $3) AS waiting
SELECT COUNT(*) FROM (SELECT 1 FROM work WHERE kind = $1 LIMIT $2) AS waiting
SELECT COUNT(*) FROM access_key WHERE owner = $1
SELECT COUNT(*) FROM api_destination WHERE account_id = $1 AND region = $2
SELECT COUNT(*) FROM event_connection WHERE account_id = $1 AND region = $2
SELECT COUNT(*) FROM event_rule WHERE account_id = $1 AND region = $2
SELECT COUNT(*) FROM event_target WHERE rule = $1
SELECT COUNT(*) FROM event_target t JOIN event_rule r ON r.arn = t.rule WHERE r.account_id = $1 AND r.region = $2
SELECT COUNT(*) FROM group_member WHERE user_id = $1
SELECT COUNT(*) FROM iam_tag WHERE owner = $1
SELECT COUNT(*) FROM identity_policy_managed WHERE owner = $1
SELECT COUNT(*) FROM instance_profile WHERE account = $1 AND name_folded <> $2
SELECT COUNT(*) FROM managed_policy WHERE account = $1 AND name_folded <> $2
SELECT COUNT(*) FROM managed_policy_version WHERE policy_id = $1
SELECT COUNT(*) FROM managed_policy_version v JOIN managed_policy m ON m.policy_id = v.policy_id WHERE m.arn = $1
SELECT COUNT(*) FROM mfa_device WHERE account = $1 AND owner IS NULL
SELECT COUNT(*) FROM oidc_provider WHERE account = $1 AND url <> $2
SELECT COUNT(*) FROM principal WHERE account = $1 AND kind = $2 AND name_folded <> $3
SELECT COUNT(*) FROM registry WHERE account = $1 AND region <> $2 AND region <> $3
SELECT COUNT(*), CAST(COALESCE(SUM(q.size), 0) AS BIGINT), MIN(q.at) FROM (SELECT doomed_at AS at, size FROM doomed ORDER BY due_at LIMIT $1) q
SELECT COUNT(*), CAST(COALESCE(SUM(q.size), 0) AS BIGINT), MIN(q.at) FROM (SELECT v.queued_at AS at, COALESCE(o.size, 0) AS size FROM link_review v LEFT JOIN blob_link l ON l.registry = v.registry AND l.repository = v.repository AND l.digest = v.digest LEFT JOIN object o ON o.id = l.object ORDER BY v.queued_at LIMIT $1) q
SELECT COUNT(*), CAST(COALESCE(SUM(q.size), 0) AS BIGINT), MIN(q.at) FROM (SELECT v.queued_at AS at, COALESCE(o.size, 0) AS size FROM object_review v LEFT JOIN object o ON o.id = v.object ORDER BY v.queued_at LIMIT $1) q
SELECT COUNT(*), COUNT(CASE WHEN principal_arn = $2 THEN 1 END) FROM pull_time_exclusion WHERE registry = $1
SELECT COUNT(*), COUNT(CASE WHEN scope = $2 THEN 1 END) FROM creation_template WHERE registry = $1
SELECT DISTINCT r.name FROM event_target t JOIN event_rule r ON r.arn = t.rule WHERE t.arn = $1 AND r.account_id = $2 AND r.region = $3 AND r.name > $4 ORDER BY r.name LIMIT $5
SELECT MAX(id) FROM lifecycle_action WHERE registry = $1 AND repository = $2
SELECT MAX(number), MAX(oldest_compat) FROM schema_migration
SELECT a.account_id, g.region, r.name, r.departures, s.value, p.document, p.version, p.last_evaluated_at FROM repository r JOIN registry g ON g.key = r.registry JOIN account a ON a.key = g.account LEFT JOIN lifecycle_policy p ON p.registry = r.registry AND p.repository = r.id LEFT JOIN account_setting s ON s.registry = r.registry AND s.name = $3 WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL
SELECT a.in_organization, a.unit_path, g.key, a.key, a.account_id, g.region, g.policy_version, g.pull_through_cache_rules, r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, r.encryption_type, r.kms_key, r.policy_version, r.tags_version, c.version, c.path, c.name, ca.status, ca.in_organization, ca.unit_path, k.active FROM (SELECT 1 AS one) always LEFT JOIN account a ON a.account_id = $1 AND a.status = 'ACTIVE' LEFT JOIN registry g ON g.account = a.key AND g.region = $2 LEFT JOIN repository r ON r.registry = g.key AND r.name = $3 AND r.deleted_at IS NULL LEFT JOIN principal c ON c.unique_id = $4 LEFT JOIN account ca ON ca.key = c.account LEFT JOIN access_key k ON k.id = $5 AND k.owner = c.unique_id
SELECT account FROM account_alias WHERE alias = $1
SELECT account_id, name, status, email, in_organization, joined_method, COALESCE(joined_at, created_at), unit_path FROM account WHERE account_id = $1
SELECT arn FROM identity_policy_managed WHERE owner = $1 ORDER BY arn
SELECT arn, name, id, description, authorization_type, sealed_auth, created_at, updated_at, authorized_at, version FROM event_connection WHERE account_id = $1 AND region = $2 AND name > $3 AND substr(name, 1, length($4)) = $4 ORDER BY name LIMIT $5
SELECT arn, name, id, description, authorization_type, sealed_auth, created_at, updated_at, authorized_at, version FROM event_connection WHERE arn = $1
SELECT arn, name, id, description, connection_arn, endpoint, method, rate, (SELECT COUNT(*) FROM event_connection c WHERE c.arn || '/' || c.id = connection_arn AND c.account_id = api_destination.account_id AND c.region = api_destination.region), created_at, updated_at, version FROM api_destination WHERE account_id = $1 AND region = $2 AND name > $3 AND substr(name, 1, length($4)) = $4 ORDER BY name LIMIT $5
SELECT arn, name, id, description, connection_arn, endpoint, method, rate, (SELECT COUNT(*) FROM event_connection c WHERE c.arn || '/' || c.id = connection_arn AND c.account_id = api_destination.account_id AND c.region = api_destination.region), created_at, updated_at, version FROM api_destination WHERE arn = $1
SELECT arn, name, pattern, state, description, role_arn, created_by FROM event_rule WHERE account_id = $1 AND region = $2 AND name > $3 AND substr(name, 1, length($4)) = $4 ORDER BY name LIMIT $5
SELECT arn, name, pattern, state, description, role_arn, created_by FROM event_rule WHERE arn = $1
SELECT arn, sealed_auth FROM event_connection WHERE substr(sealed_auth, 2, 1) <> $1 AND arn > $2 ORDER BY arn LIMIT $3
SELECT b.digest FROM image_blob b LEFT JOIN blob_link l ON l.registry = b.registry AND l.repository = b.repository AND l.digest = b.digest LEFT JOIN object o ON o.id = l.object WHERE o.id IS NULL
SELECT b.digest FROM image_blob b WHERE b.registry = $1 AND b.repository = $2 AND b.image = $3 AND NOT EXISTS (SELECT 1 FROM image_blob o WHERE o.registry = $1 AND o.repository = $2 AND o.digest = b.digest AND o.image <> $3) ORDER BY b.digest
SELECT body FROM manifest_body WHERE registry = $1 AND repository = $2 AND image = $3
SELECT created_at FROM account WHERE account_id = $1
SELECT d.serial_number, a.account_id, d.sealed_seed, d.owner, d.enabled_at, d.last_step, d.drift, d.failures, d.failed_at FROM mfa_device d JOIN account a ON a.key = d.account WHERE d.serial_number = $1
SELECT delivery FROM removed_event_target ORDER BY delivery LIMIT $1
SELECT departures FROM repository WHERE registry = $1 AND id = $2
SELECT digest FROM blob_link WHERE registry = $1 AND repository = $2 ORDER BY digest LIMIT $3
SELECT digest FROM object
SELECT digest, 0 FROM image WHERE registry = $1 AND repository = $2 AND status = 1 AND digest IN ($3)
SELECT digest, 0 FROM image WHERE registry = $1 AND repository = $2 AND status = 1 AND digest IN ($3, $4, $5, $6)
SELECT digest, archived FROM blob_link WHERE registry = $1 AND repository = $2 AND digest IN ($3)
SELECT digest, archived FROM blob_link WHERE registry = $1 AND repository = $2 AND digest IN ($3, $4)
SELECT digest, archived FROM blob_link WHERE registry = $1 AND repository = $2 AND digest IN ($3, $4, $5, $6)
SELECT document FROM identity_policy_inline WHERE owner = $1
SELECT document, version, last_evaluated_at FROM lifecycle_policy WHERE registry = $1 AND repository = $2
SELECT freed_objects, freed_bytes FROM collection
SELECT g.key, CAST(COALESCE((SELECT SUM(o.size) FROM object o WHERE EXISTS (SELECT 1 FROM blob_link l WHERE l.object = o.id AND l.registry = g.key)), 0) AS BIGINT) - CAST(COALESCE((SELECT SUM(u.unique_bytes) FROM repository_usage u WHERE u.registry = g.key), 0) AS BIGINT), COALESCE((SELECT u.corrections FROM repository_usage u WHERE u.registry = g.key AND u.repository = 0), 0) FROM registry g
SELECT g.key, a.key, a.account_id, g.region, g.policy_version, g.pull_through_cache_rules FROM registry g JOIN account a ON a.key = g.account WHERE g.account = $1 AND g.region = $2
SELECT hashes, reset_required, created_at, changed_at FROM login_profile WHERE owner = $1
SELECT i.digest FROM image_blob b JOIN image i ON i.registry = b.registry AND i.repository = b.repository AND i.id = b.image WHERE b.registry = $1 AND b.repository = $2 AND b.digest = $3 ORDER BY i.id LIMIT $4
SELECT i.digest FROM image_child c JOIN image i ON i.registry = c.registry AND i.repository = c.repository AND i.id = c.image WHERE c.registry = $1 AND c.repository = $2 AND c.digest = $3 AND c.image <> $4 ORDER BY c.image LIMIT 100
SELECT i.digest FROM image_child c JOIN image i ON i.registry = c.registry AND i.repository = c.repository AND i.id = c.image WHERE c.registry = $1 AND c.repository = $2 AND c.digest = $3 ORDER BY i.id LIMIT $4
SELECT i.digest, i.status, i.last_activated_at, i.subject, q.last_pulled_at, i.last_tagged_at FROM image i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id WHERE i.registry = $1 AND i.repository = $2 AND i.id = $3
SELECT i.digest, t.protected_at FROM tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image WHERE t.registry = $1 AND t.repository = $2 AND t.name = $3
SELECT i.id, i.digest FROM image i WHERE i.registry = $1 AND i.repository = $2 AND i.subject = $3 AND i.pushed_at <= $4 AND i.id > $6 AND NOT EXISTS (SELECT 1 FROM image_child c WHERE c.registry = i.registry AND c.repository = i.repository AND c.digest = i.digest) ORDER BY i.id LIMIT $5
SELECT i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, i.status, i.last_archived_at, i.last_activated_at, i.operation FROM image i WHERE i.registry = $1 AND i.repository = $2 AND i.digest = $3
SELECT i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, i.status, i.last_archived_at, i.last_activated_at, q.last_pulled_at, t.name FROM (SELECT i.* FROM image i WHERE i.registry = $1 AND i.repository = $2 AND i.id > $3 AND i.status = 1 AND i.tagged = 0 ORDER BY i.id LIMIT $4) i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id ORDER BY i.id, t.name
SELECT i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, i.status, i.last_archived_at, i.last_activated_at, q.last_pulled_at, t.name FROM (SELECT i.* FROM image i WHERE i.registry = $1 AND i.repository = $2 AND i.id > $3 AND i.status = 1 AND i.tagged = 1 ORDER BY i.id LIMIT $4) i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id ORDER BY i.id, t.name
SELECT i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, i.status, i.last_archived_at, i.last_activated_at, q.last_pulled_at, t.name FROM image i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id WHERE i.registry = $1 AND i.repository = $2 AND i.digest IN ($3) ORDER BY i.id, t.name
SELECT i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, i.status, i.last_archived_at, i.last_activated_at, q.last_pulled_at, t.name FROM image i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id WHERE i.registry = $1 AND i.repository = $2 AND i.id IN (SELECT image FROM tag WHERE registry = $1 AND repository = $2 AND name IN ($3)) ORDER BY i.id, t.name
SELECT i.id, i.digest, i.status, i.pushed_at, i.last_activated_at, i.last_archived_at, q.last_pulled_at, i.last_tagged_at, i.displaced_at, i.tag_count, CASE WHEN i.subject IS NULL THEN 0 ELSE 1 END, s.id, s.status FROM (SELECT registry, repository, id, digest, status, subject, tag_count, pushed_at, last_activated_at, last_archived_at, last_tagged_at, displaced_at FROM image WHERE registry = $1 AND repository = $2 AND status = $3 AND (last_activated_at, id) < ($4, $5) ORDER BY last_activated_at DESC, id DESC LIMIT $6) i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id LEFT JOIN image s ON s.registry = i.registry AND s.repository = i.repository AND s.digest = i.subject ORDER BY i.last_activated_at DESC, i.id DESC
SELECT i.id, i.digest, i.status, i.pushed_at, i.last_activated_at, i.last_archived_at, q.last_pulled_at, i.last_tagged_at, i.displaced_at, i.tag_count, CASE WHEN i.subject IS NULL THEN 0 ELSE 1 END, s.id, s.status FROM (SELECT registry, repository, id, digest, status, subject, tag_count, pushed_at, last_activated_at, last_archived_at, last_tagged_at, displaced_at FROM image WHERE registry = $1 AND repository = $2 AND status IN (1, 2) AND id IN ($3, $4)) i LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id LEFT JOIN image s ON s.registry = i.registry AND s.repository = i.repository AND s.digest = i.subject ORDER BY i.last_activated_at DESC, i.id DESC
SELECT i.id, i.digest, i.tag_count, t.protected_at FROM tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image WHERE t.registry = $1 AND t.repository = $2 AND t.name = $3
SELECT i.id, p.id, p.status FROM (SELECT registry, repository, id, digest, status, subject, tag_count, pushed_at, last_activated_at, last_archived_at, last_tagged_at, displaced_at FROM image WHERE registry = $1 AND repository = $2 AND status = $3 AND (last_activated_at, id) < ($4, $5) ORDER BY last_activated_at DESC, id DESC LIMIT $6) i JOIN image_child c ON c.registry = i.registry AND c.repository = i.repository AND c.digest = i.digest JOIN image p ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image WHERE p.id <> i.id
SELECT i.id, p.id, p.status FROM (SELECT registry, repository, id, digest, status, subject, tag_count, pushed_at, last_activated_at, last_archived_at, last_tagged_at, displaced_at FROM image WHERE registry = $1 AND repository = $2 AND status IN (1, 2) AND id IN ($3, $4)) i JOIN image_child c ON c.registry = i.registry AND c.repository = i.repository AND c.digest = i.digest JOIN image p ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image WHERE p.id <> i.id
SELECT i.repository, i.digest FROM image i JOIN manifest_body m ON m.registry = i.registry AND m.repository = i.repository AND m.image = i.id
SELECT i.unique_id, i.path, i.name, i.role, i.created_at FROM instance_profile i JOIN account a ON a.key = i.account WHERE a.account_id = $1 AND i.name_folded = $2
SELECT i.unique_id, i.path, i.name, i.role, i.created_at FROM instance_profile i JOIN account a ON a.key = i.account WHERE a.account_id = $1 AND i.name_folded > $2 AND substr(i.path, 1, length($3)) = $3 AND ($4 = 1 OR i.role = $5) ORDER BY i.name_folded LIMIT $6
SELECT i.unique_id, i.path, i.name, i.role, i.created_at FROM instance_profile i JOIN account a ON a.key = i.account WHERE i.unique_id = $1
SELECT i.unique_id, i.path, i.name, i.role, i.created_at FROM instance_profile i JOIN account a ON a.key = i.account WHERE i.unique_id = $1 FOR UPDATE OF i
SELECT id FROM api_destination WHERE arn = $1
SELECT id FROM event_connection WHERE arn = $1
SELECT id FROM image WHERE registry = $1 AND repository = $2 AND digest = $3
SELECT id FROM lifecycle_preview WHERE registry = $1 AND repository = $2 AND state = 'IN_PROGRESS'
SELECT id FROM object WHERE id IN ($1)
SELECT id FROM object WHERE id IN ($1) ORDER BY id FOR UPDATE SKIP LOCKED
SELECT id FROM object WHERE id IN ($1, $2)
SELECT id FROM object WHERE id IN ($1, $2) ORDER BY id FOR UPDATE SKIP LOCKED
SELECT id FROM object WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)
SELECT id FROM object WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) ORDER BY id FOR UPDATE SKIP LOCKED
SELECT id FROM outbox WHERE routed = 0 ORDER BY sequence LIMIT 1
SELECT id FROM repository WHERE registry = $1 AND id = $2 AND deleted_at IS NULL
SELECT id, active, created_at, last_used_at, last_used_region, last_used_service FROM access_key WHERE owner = $1 ORDER BY created_at, id
SELECT id, arn, document FROM event_target WHERE rule = $1 AND id > $2 ORDER BY id LIMIT $3
SELECT id, at, digest, tags, action, rule_priority, reason FROM lifecycle_action WHERE registry = $1 AND repository = $2 AND id < $3 ORDER BY id DESC LIMIT $4
SELECT id, digest, status FROM image WHERE registry = $1 AND repository = $2 AND digest = $3
SELECT id, document, state, started_at, expiring, archiving FROM lifecycle_preview WHERE registry = $1 AND repository = $2
SELECT id, position, at, kind, account_id, region, resource, body FROM outbox WHERE (id, position) > ($1, $2) ORDER BY id, position LIMIT $3
SELECT id, sealed_secret FROM access_key WHERE substr(sealed_secret, 2, 1) <> $1 AND id > $2 ORDER BY id LIMIT $3
SELECT image FROM image_blob WHERE registry = $1 AND repository = $2 AND digest = $3 LIMIT 1
SELECT image_count, tag_count FROM repository WHERE registry = $1 AND id = $2
SELECT image_count, tag_count FROM repository WHERE registry = 10 AND id = $1
SELECT k.id, k.active, k.sealed_secret, p.account, a.account_id, p.unique_id, p.kind, p.path, p.name, p.version FROM access_key k JOIN principal p ON p.unique_id = k.owner JOIN account a ON a.key = p.account WHERE k.id = $1
SELECT key FROM registry WHERE key = $1 FOR KEY SHARE
SELECT key FROM registry WHERE key = $1 FOR UPDATE
SELECT key, account_id, name, status, in_organization, unit_path FROM account WHERE account_id = $1
SELECT key, value FROM iam_tag WHERE owner = $1 ORDER BY key_folded
SELECT l.alias FROM account_alias l JOIN account a ON a.key = l.account WHERE a.account_id = $1
SELECT l.registry, l.repository, l.digest, (SELECT b.image FROM image_blob b WHERE b.registry = l.registry AND b.repository = l.repository AND b.digest = l.digest LIMIT 1) FROM blob_link l WHERE (l.registry, l.repository, l.digest) > ($1, $2, $3) ORDER BY l.registry, l.repository, l.digest LIMIT $4
SELECT m.arn, m.policy_id, m.path, m.name, m.description, m.default_version, m.created_at, m.updated_at, (SELECT COUNT(*) FROM identity_policy_managed i WHERE i.arn = m.arn), (SELECT COUNT(*) FROM principal b WHERE b.boundary = m.arn) FROM managed_policy m WHERE m.arn = $1
SELECT name FROM tag WHERE registry = $1 AND repository = $2 AND image = $3 ORDER BY name
SELECT name FROM tag WHERE registry = $1 AND repository = $2 AND image = $3 ORDER BY name LIMIT $4
SELECT name, document FROM identity_policy_inline WHERE owner = $1 ORDER BY name
SELECT o.id FROM image_blob b JOIN blob_link l ON l.registry = b.registry AND l.repository = b.repository AND l.digest = b.digest JOIN object o ON o.id = l.object WHERE b.registry = $1 AND b.repository = $2 AND b.image = $3 AND substr(o.object_key, 1, 8) = 'archive-'
SELECT o.id FROM object o WHERE o.id IN (SELECT l.object FROM blob_link l WHERE l.registry = $1 AND l.repository = $2 AND l.digest IN ($3)) ORDER BY o.digest FOR UPDATE
SELECT o.id FROM object o WHERE o.id IN (SELECT l.object FROM blob_link l WHERE l.registry = $1 AND l.repository = $2 AND l.digest IN ($3, $4)) ORDER BY o.digest FOR UPDATE
SELECT o.id FROM object o WHERE o.id IN (SELECT l.object FROM blob_link l WHERE l.registry = $1 AND l.repository = $2 AND l.digest IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)) ORDER BY o.digest FOR UPDATE
SELECT o.id, (SELECT l.registry FROM blob_link l WHERE l.object = o.id LIMIT 1) FROM object o WHERE o.id > $1 ORDER BY o.id LIMIT $2
SELECT o.id, o.size FROM blob_link l JOIN object o ON o.id = l.object WHERE l.registry = $1 AND l.repository = $2 AND l.digest = $3 FOR UPDATE OF o
SELECT o.object_key, l.digest, o.size, l.renewed_at, l.archived FROM blob_link l JOIN object o ON o.id = l.object WHERE l.registry = $1 AND l.repository = $2 AND l.digest IN ($3)
SELECT o.object_key, l.digest, o.size, l.renewed_at, l.archived FROM blob_link l JOIN object o ON o.id = l.object WHERE l.registry = $1 AND l.repository = $2 AND l.digest IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66)
SELECT o.object_key, l.digest, o.size, l.renewed_at, l.archived FROM blob_link l JOIN object o ON o.id = l.object WHERE l.registry = $1 AND l.repository = $2 AND l.digest IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, $98, $99, $100, $101, $102, $103, $104, $105, $106, $107, $108, $109, $110, $111, $112, $113, $114, $115, $116, $117, $118, $119, $120, $121, $122, $123, $124, $125, $126, $127, $128, $129, $130, $131, $132, $133, $134, $135, $136, $137, $138, $139, $140, $141, $142, $143, $144, $145, $146, $147, $148, $149, $150, $151, $152, $153, $154, $155, $156, $157, $158, $159, $160, $161, $162, $163, $164, $165, $166, $167, $168, $169, $170, $171, $172, $173, $174, $175, $176, $177, $178, $179, $180, $181, $182, $183, $184, $185, $186, $187, $188, $189, $190, $191, $192, $193, $194, $195, $196, $197, $198, $199, $200, $201, $202, $203, $204, $205, $206, $207, $208, $209, $210, $211, $212, $213, $214, $215, $216, $217, $218, $219, $220, $221, $222, $223, $224, $225, $226, $227, $228, $229, $230, $231, $232, $233, $234, $235, $236, $237, $238, $239, $240, $241, $242, $243, $244, $245, $246, $247, $248, $249, $250, $251, $252, $253, $254, $255, $256, $257, $258)
SELECT o.object_key, l.digest, o.size, l.renewed_at, l.archived, o.id FROM repository r JOIN blob_link l ON l.registry = r.registry AND l.repository = r.id JOIN object o ON o.id = l.object WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL AND l.digest = $3 AND l.archived = 0 FOR KEY SHARE OF o, l
SELECT o.object_key, l.digest, o.size, l.renewed_at, l.archived, o.operation FROM blob_link l JOIN object o ON o.id = l.object WHERE l.registry = $1 AND l.repository = $2 AND l.digest = $3 AND l.operation = $4
SELECT o.object_key, o.size, v.queued_at FROM object o LEFT JOIN object_review v ON v.object = o.id WHERE o.digest = $1
SELECT object, queued_at FROM object_review WHERE queued_at <= $1 ORDER BY queued_at LIMIT $2
SELECT object_key FROM object
SELECT object_key, size, doomed_at FROM doomed WHERE digest = $1 ORDER BY doomed_at LIMIT $2
SELECT p.account, a.account_id, p.unique_id, p.kind, p.path, p.name, p.version FROM principal p JOIN account a ON a.key = p.account WHERE p.account = $1 AND p.kind = 'user' AND p.name_folded = $2
SELECT p.account, a.account_id, p.unique_id, p.path, p.name, p.created_at, p.boundary, p.kind, r.trust_policy, r.description, r.max_session_seconds, r.service_name, r.last_used_at, r.last_used_region FROM principal p JOIN account a ON a.key = p.account LEFT JOIN role r ON r.unique_id = p.unique_id WHERE a.account_id = $1 AND p.kind = $2 AND p.name_folded = $3
SELECT p.account, a.account_id, p.unique_id, p.path, p.name, p.created_at, p.boundary, p.kind, r.trust_policy, r.description, r.max_session_seconds, r.service_name, r.last_used_at, r.last_used_region FROM principal p JOIN account a ON a.key = p.account LEFT JOIN role r ON r.unique_id = p.unique_id WHERE a.account_id = $1 AND p.kind = $2 AND p.name_folded > $3 AND substr(p.path, 1, length($4)) = $4 ORDER BY p.name_folded LIMIT $5
SELECT p.account, a.account_id, p.unique_id, p.path, p.name, p.created_at, p.boundary, p.kind, r.trust_policy, r.description, r.max_session_seconds, r.service_name, r.last_used_at, r.last_used_region FROM principal p JOIN account a ON a.key = p.account LEFT JOIN role r ON r.unique_id = p.unique_id WHERE p.unique_id = $1
SELECT p.minimum_length, p.require_symbols, p.require_numbers, p.require_uppercase, p.require_lowercase, p.allow_users_to_change, p.max_age_days, p.reuse_prevention, p.hard_expiry FROM password_policy p JOIN account a ON a.key = p.account WHERE a.account_id = $1
SELECT p.name, k.active, k.created_at, k.last_used_at, k.last_used_region, k.last_used_service FROM principal p JOIN account a ON a.key = p.account JOIN access_key k ON k.owner = p.unique_id WHERE a.account_id = $1 AND p.kind = 'user' AND p.name_folded > $2 AND p.name_folded <= $3 ORDER BY p.name_folded, k.created_at, k.id
SELECT p.name, p.path, p.created_at, l.changed_at, (SELECT COUNT(*) FROM mfa_device d WHERE d.owner = p.unique_id) FROM principal p JOIN account a ON a.key = p.account LEFT JOIN login_profile l ON l.owner = p.unique_id WHERE a.account_id = $1 AND p.kind = 'user' AND p.name_folded > $2 ORDER BY p.name_folded LIMIT $3
SELECT p.unique_id FROM principal p WHERE p.name_folded > $2 AND p.unique_id IN (SELECT user_id FROM group_member WHERE group_id = $1 UNION ALL SELECT group_id FROM group_member WHERE user_id = $1) ORDER BY p.name_folded LIMIT $3
SELECT position, digest, tags, pushed_at, action, rule_priority, storage_class FROM lifecycle_preview_result WHERE registry = $1 AND repository = $2 AND position > $3 AND tags <> '[]' ORDER BY position LIMIT $4
SELECT position, digest, tags, pushed_at, action, rule_priority, storage_class FROM lifecycle_preview_result WHERE registry = $1 AND repository = $2 AND position > $3 AND tags = '[]' ORDER BY position LIMIT $4
SELECT position, digest, tags, pushed_at, action, rule_priority, storage_class FROM lifecycle_preview_result WHERE registry = $1 AND repository = $2 AND position > $3 ORDER BY position LIMIT $4
SELECT prefix, description, applied_for, mutability, exclusion_filters, resource_tags, encryption_type, kms_key, repository_policy, lifecycle_policy, custom_role_arn, created_at, updated_at, version FROM creation_template WHERE registry = $1 AND (scope = 'ROOT' OR substr($2, 1, length(scope) + 1) = scope || '/') ORDER BY CASE WHEN scope = 'ROOT' THEN 0 ELSE length(scope) END DESC
SELECT prefix, description, applied_for, mutability, exclusion_filters, resource_tags, encryption_type, kms_key, repository_policy, lifecycle_policy, custom_role_arn, created_at, updated_at, version FROM creation_template WHERE registry = $1 AND scope = $2
SELECT prefix, description, applied_for, mutability, exclusion_filters, resource_tags, encryption_type, kms_key, repository_policy, lifecycle_policy, custom_role_arn, created_at, updated_at, version FROM creation_template WHERE registry = $1 AND scope > $2 ORDER BY scope LIMIT $3
SELECT principal_arn FROM pull_time_exclusion WHERE registry = $1 AND principal_arn > $2 ORDER BY principal_arn LIMIT $3
SELECT principal_arn FROM pull_time_exclusion WHERE registry = $1 AND principal_arn IN ($2)
SELECT principal_arn FROM pull_time_exclusion WHERE registry = $1 AND principal_arn IN ($2, $3)
SELECT r.account_id, r.region, r.arn, r.name, t.id, t.arn, t.document FROM event_target t JOIN event_rule r ON r.arn = t.rule WHERE t.delivery = $1
SELECT r.content FROM credential_report r JOIN account a ON a.key = r.account WHERE a.account_id = $1 AND r.generated_at = $2
SELECT r.name FROM object o JOIN blob_link l ON l.object = o.id AND l.registry = $1 AND l.archived = 0 JOIN repository r ON r.registry = l.registry AND r.id = l.repository AND r.deleted_at IS NULL WHERE o.digest = $2 ORDER BY l.repository LIMIT $3
SELECT r.pattern, t.delivery FROM event_rule r JOIN event_target t ON t.rule = r.arn WHERE r.account_id = $1 AND r.region = $2 AND r.state <> 'DISABLED' ORDER BY r.name, t.id
SELECT r.policy_version, p.document FROM repository r LEFT JOIN repository_policy p ON p.registry = r.registry AND p.repository = r.id WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL
SELECT r.registry, r.id, CAST(COALESCE((SELECT SUM(o.size) FROM blob_link l JOIN object o ON o.id = l.object WHERE l.registry = r.registry AND l.repository = r.id), 0) AS BIGINT) - COALESCE(u.layer_bytes, 0), CAST(COALESCE((SELECT SUM(i.manifest_size) FROM image i WHERE i.registry = r.registry AND i.repository = r.id), 0) AS BIGINT) - COALESCE(u.manifest_bytes, 0), CAST(COALESCE((SELECT SUM(p.received) FROM upload p WHERE p.registry = r.registry AND p.repository = r.id), 0) AS BIGINT) - COALESCE(u.upload_bytes, 0), COALESCE(u.corrections, 0) FROM repository r LEFT JOIN repository_usage u ON u.registry = r.registry AND u.repository = r.id WHERE r.deleted_at IS NULL
SELECT r.registry, r.id, a.account_id, g.region, r.name, CASE WHEN r.deleted_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, i.id FROM registry g JOIN account a ON a.key = g.account JOIN repository r ON r.registry = g.key JOIN image i ON i.registry = r.registry AND i.repository = r.id AND i.digest = $1 ORDER BY r.registry, r.name LIMIT $2
SELECT r.registry, r.id, a.account_id, g.region, r.name, CASE WHEN r.deleted_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, l.renewed_at, v.queued_at FROM object o JOIN blob_link l ON l.object = o.id JOIN repository r ON r.registry = l.registry AND r.id = l.repository JOIN registry g ON g.key = r.registry JOIN account a ON a.key = g.account LEFT JOIN link_review v ON v.registry = l.registry AND v.repository = l.repository AND v.digest = l.digest WHERE o.digest = $1 ORDER BY r.registry, r.name LIMIT $2
SELECT r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, r.encryption_type, r.kms_key, r.policy_version, r.tags_version FROM repository r WHERE r.registry = $1 AND r.deleted_at IS NULL AND r.name > $2 ORDER BY r.name LIMIT $3
SELECT r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, r.encryption_type, r.kms_key, r.policy_version, r.tags_version, r.image_count FROM repository r WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL FOR KEY SHARE
SELECT r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, r.encryption_type, r.kms_key, r.policy_version, r.tags_version, r.image_count FROM repository r WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL FOR NO KEY UPDATE
SELECT r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, r.encryption_type, r.kms_key, r.policy_version, r.tags_version, r.image_count FROM repository r WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL FOR UPDATE
SELECT r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, r.encryption_type, r.kms_key, r.policy_version, r.tags_version, r.operation FROM repository r WHERE r.registry = $1 AND r.name = $2 AND r.deleted_at IS NULL
SELECT r.started_at, r.generated_at, COALESCE(length(r.content), 0) FROM credential_report r JOIN account a ON a.key = r.account WHERE a.account_id = $1
SELECT registry FROM blob_link WHERE object = $1 AND registry = $2 AND repository <> $3 LIMIT 1
SELECT registry FROM repository_usage UNION ALL SELECT id FROM object UNION ALL SELECT id FROM image LIMIT 1
SELECT registry, repository, image FROM reference_backfill FOR UPDATE
SELECT renewed_at FROM blob_link WHERE registry = $1 AND repository = $2 AND digest = $3
SELECT repository, digest FROM blob_link
SELECT repository_count FROM registry WHERE key = $1
SELECT scan_type, rules FROM scanning_configuration WHERE registry = $1
SELECT sequence, at, attempts, body FROM delivery WHERE target = $1 ORDER BY sequence LIMIT $2
SELECT sequence, at, attempts, body, died_at, error FROM dead_letter WHERE target = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
SELECT sequence, id, position, at, kind, account_id, region, resource, body FROM outbox WHERE routed = 0 ORDER BY sequence LIMIT $1
SELECT started_at, generated_at FROM credential_report WHERE account = $1
SELECT status FROM image WHERE registry = $1 AND repository = $2 AND digest = $3
SELECT status, description, started_at FROM image_scan WHERE registry = $1 AND repository = $2 AND image = $3
SELECT substr(sealed_secret, 2, 1) AS sealing_key, COUNT(*) FROM access_key GROUP BY sealing_key
SELECT t.image, t.name FROM (SELECT registry, repository, id, digest, status, subject, tag_count, pushed_at, last_activated_at, last_archived_at, last_tagged_at, displaced_at FROM image WHERE registry = $1 AND repository = $2 AND status = $3 AND (last_activated_at, id) < ($4, $5) ORDER BY last_activated_at DESC, id DESC LIMIT $6) i JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id ORDER BY t.image, t.name
SELECT t.image, t.name FROM (SELECT registry, repository, id, digest, status, subject, tag_count, pushed_at, last_activated_at, last_archived_at, last_tagged_at, displaced_at FROM image WHERE registry = $1 AND repository = $2 AND status IN (1, 2) AND id IN ($3, $4)) i JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id ORDER BY t.image, t.name
SELECT t.key FROM account_tag t JOIN account a ON a.key = t.account WHERE a.account_id = $1
SELECT t.key, t.value FROM account_tag t JOIN account a ON a.key = t.account WHERE a.account_id = $1 ORDER BY t.key
SELECT t.name, t.image, i.digest, t.operation FROM tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image WHERE t.registry = $1 AND t.repository = $2 AND t.name IN ($3)
SELECT t.name, t.image, i.digest, t.operation FROM tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image WHERE t.registry = $1 AND t.repository = $2 AND t.name IN ($3, $4)
SELECT t.name, t.image, i.digest, t.operation FROM tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image WHERE t.registry = $1 AND t.repository = $2 AND t.name IN ($3, $4, $5, $6)
SELECT t.name, t.image, i.digest, t.operation FROM tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image WHERE t.registry = $1 AND t.repository = $2 AND t.name IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, $98, $99, $100, $101, $102, $103, $104, $105, $106, $107, $108, $109, $110, $111, $112, $113, $114, $115, $116, $117, $118, $119, $120, $121, $122, $123, $124, $125, $126, $127, $128, $129, $130, $131, $132, $133, $134, $135, $136, $137, $138, $139, $140, $141, $142, $143, $144, $145, $146, $147, $148, $149, $150, $151, $152, $153, $154, $155, $156, $157, $158, $159, $160, $161, $162, $163, $164, $165, $166, $167, $168, $169, $170, $171, $172, $173, $174, $175, $176, $177, $178, $179, $180, $181, $182, $183, $184, $185, $186, $187, $188, $189, $190, $191, $192, $193, $194, $195, $196, $197, $198, $199, $200, $201, $202, $203, $204, $205, $206, $207, $208, $209, $210, $211, $212, $213, $214, $215, $216, $217, $218, $219, $220, $221, $222, $223, $224, $225, $226, $227, $228, $229, $230, $231, $232, $233, $234, $235, $236, $237, $238, $239, $240, $241, $242, $243, $244, $245, $246, $247, $248, $249, $250, $251, $252, $253, $254, $255, $256, $257, $258)
SELECT t.repository, t.name, i.digest FROM tag t LEFT JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image
SELECT target, waiting, dead, delivered, dropped, failures, retry_at, delivered_at, error FROM (SELECT target, waiting, dead, delivered, dropped, failures, retry_at, delivered_at, error, ROW_NUMBER() OVER (PARTITION BY substr(target, 1, CAST($5 AS INTEGER)) ORDER BY retry_at, target) AS place FROM delivery_target WHERE waiting > 0 AND retry_at <= $1 AND substr(target, 1, length($2)) = $2) AS due WHERE place <= $4 ORDER BY retry_at, target LIMIT $3
SELECT target, waiting, dead, delivered, dropped, failures, retry_at, delivered_at, error FROM delivery_target WHERE target > $1 AND substr(target, 1, length($2)) = $2 ORDER BY target LIMIT $3
SELECT u.id, u.principal, u.object_key, u.algorithm, u.received, u.hash_state, u.version, u.part_count, u.last_part_size, u.has_small_part, u.created_at, u.updated_at FROM upload u WHERE u.registry = $1 AND u.repository = $2 AND u.id = $3 FOR UPDATE
SELECT v.object, v.queued_at, o.digest, o.size FROM object_review v JOIN object o ON o.id = v.object WHERE v.queued_at <= $1 AND NOT EXISTS (SELECT 1 FROM blob_link l WHERE l.object = v.object) ORDER BY v.queued_at LIMIT $2
SELECT v.registry, v.repository, v.digest, v.queued_at, (SELECT b.image FROM image_blob b WHERE b.registry = v.registry AND b.repository = v.repository AND b.digest = v.digest LIMIT 1) FROM link_review v WHERE v.queued_at <= $1 ORDER BY v.queued_at LIMIT $2
SELECT v.registry, v.repository, v.digest, v.queued_at, a.account_id, r.name, o.size FROM link_review v JOIN repository r ON r.registry = v.registry AND r.id = v.repository AND r.deleted_at IS NULL JOIN registry g ON g.key = v.registry JOIN account a ON a.key = g.account JOIN blob_link l ON l.registry = v.registry AND l.repository = v.repository AND l.digest = v.digest JOIN object o ON o.id = l.object WHERE v.queued_at <= $1 AND l.renewed_at <= $1 AND NOT EXISTS (SELECT 1 FROM image_blob b WHERE b.registry = v.registry AND b.repository = v.repository AND b.digest = v.digest) ORDER BY v.queued_at LIMIT $2
SELECT v.version FROM managed_policy_version v JOIN managed_policy m ON m.policy_id = v.policy_id WHERE m.arn = $1 AND v.created_at = $2 AND v.document = $3
SELECT v.version, v.document, m.default_version, v.created_at FROM managed_policy m JOIN managed_policy_version v ON v.policy_id = m.policy_id WHERE m.arn = $1 ORDER BY v.version DESC
SELECT value FROM account_setting WHERE registry = $1 AND name = $2
SELECT value FROM setting WHERE name = $1
SELECT version FROM lifecycle_policy WHERE registry = $1 AND repository = $2
SELECT walked_registry, walked_repository, walked_digest, walked_object FROM collection FOR UPDATE
UPDATE access_key SET active = $2 WHERE id = $1 AND owner = $3
UPDATE access_key SET last_used_at = $2, last_used_region = $3, last_used_service = $4 WHERE id = $1 AND COALESCE(last_used_at, $2) <= $2
UPDATE access_key SET sealed_secret = $3 WHERE id = $1 AND sealed_secret = $2
UPDATE account SET in_organization = 0, unit_path = '' WHERE account_id = $1
UPDATE account SET status = 'SUSPENDED', closed_at = $2 WHERE account_id = $1 AND closed_at IS NULL
UPDATE api_destination SET description = $3, connection_arn = $4, endpoint = $5, method = $6, rate = $7, updated_at = $8, version = version + 1 WHERE arn = $1 AND version = $2
UPDATE blob_link SET archived = 0 WHERE registry = $1 AND repository = $2 AND archived = 1 AND digest IN (SELECT digest FROM image_blob WHERE registry = $1 AND repository = $2 AND image = $3) RETURNING object
UPDATE blob_link SET archived = 1 WHERE registry = $1 AND repository = $2 AND archived = 0 AND EXISTS (SELECT 1 FROM image a WHERE a.registry = $1 AND a.repository = $2 AND a.status IN (2, 3)) AND digest IN (SELECT b.digest FROM image_blob b WHERE b.registry = $1 AND b.repository = $2 AND b.image = $3 AND EXISTS (SELECT 1 FROM image_blob o WHERE o.registry = $1 AND o.repository = $2 AND o.digest = b.digest AND o.image <> $3) AND COALESCE((SELECT i.status FROM image_blob o JOIN image i ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image WHERE o.registry = $1 AND o.repository = $2 AND o.digest = b.digest AND o.image <> $3 ORDER BY o.image DESC LIMIT 1), 0) <> 1 AND NOT EXISTS (SELECT 1 FROM image_blob o JOIN image i ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image WHERE o.registry = $1 AND o.repository = $2 AND o.digest = b.digest AND o.image <> $3 AND i.status = 1)) RETURNING object
UPDATE blob_link SET archived = 1 WHERE registry = $1 AND repository = $2 AND archived = 0 AND digest IN (SELECT b.digest FROM image_blob b WHERE b.registry = $1 AND b.repository = $2 AND b.image = $3 AND COALESCE((SELECT i.status FROM image_blob o JOIN image i ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image WHERE o.registry = $1 AND o.repository = $2 AND o.digest = b.digest AND o.image <> $3 ORDER BY o.image DESC LIMIT 1), 0) <> 1 AND NOT EXISTS (SELECT 1 FROM image_blob o JOIN image i ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image WHERE o.registry = $1 AND o.repository = $2 AND o.digest = b.digest AND o.image <> $3 AND i.status = 1)) RETURNING object
UPDATE blob_link SET renewed_at = $4, operation = $5, archived = 0 WHERE registry = $1 AND repository = $2 AND digest = $3
UPDATE blob_link SET renewed_at = CASE WHEN renewed_at < $3 THEN $3 ELSE renewed_at END WHERE registry = $1 AND repository = $2 AND digest IN ($4) RETURNING digest
UPDATE collection SET freed_objects = freed_objects + $1, freed_bytes = freed_bytes + $2
UPDATE collection SET walked_object = $1
UPDATE collection SET walked_registry = $1, walked_repository = $2, walked_digest = $3
UPDATE collection SET walked_registry = 0, walked_repository = 0, walked_digest = NULL, walked_object = NULL, walks = walks + 1
UPDATE creation_template SET description = $3, applied_for = $4, mutability = $5, exclusion_filters = $6, resource_tags = $7, encryption_type = $8, kms_key = $9, repository_policy = $10, lifecycle_policy = $11, custom_role_arn = $12, updated_at = $13, version = version + 1 WHERE registry = $1 AND scope = $2 AND version = $14
UPDATE credential_report SET generated_at = $3, content = $4 WHERE account = $1 AND started_at = $2
UPDATE delivery SET attempts = attempts + 1 WHERE target = $1 AND sequence = $2
UPDATE delivery_target SET dead = dead + 1 WHERE target = $1 AND dead < $2
UPDATE delivery_target SET dropped = dropped + 1 WHERE target = $1
UPDATE delivery_target SET failures = failures + 1, retry_at = $2, error = $3 WHERE target = $1
UPDATE delivery_target SET retry_at = $2 WHERE target = $1
UPDATE delivery_target SET waiting = waiting + $2, dead = dead - $2, retry_at = 0 WHERE target = $1
UPDATE delivery_target SET waiting = waiting - $2, delivered = delivered + $2, failures = 0, retry_at = $3, delivered_at = $3, error = NULL WHERE target = $1
UPDATE delivery_target SET waiting = waiting - 1, failures = 0, retry_at = $3, error = $2 WHERE target = $1
UPDATE doomed SET due_at = $3 WHERE object_key IN (SELECT d.object_key FROM doomed d WHERE d.due_at <= $1 ORDER BY d.due_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING object_key
UPDATE event_connection SET description = $3, authorization_type = $4, sealed_auth = $5, updated_at = $6, authorized_at = $6, version = version + 1 WHERE arn = $1 AND version = $2
UPDATE event_connection SET sealed_auth = $3 WHERE arn = $1 AND sealed_auth = $2
UPDATE event_rule SET pattern = $2, state = $3, description = $4, role_arn = $5, updated_at = $6 WHERE arn = $1
UPDATE event_rule SET state = $2, updated_at = $3 WHERE arn = $1
UPDATE image SET status = $4, last_activated_at = $5, restored_at = NULL WHERE registry = $1 AND repository = $2 AND id = $3
UPDATE image SET status = $4, last_archived_at = $5 WHERE registry = $1 AND repository = $2 AND id = $3
UPDATE image SET tag_count = tag_count + $4, tagged = 1, last_tagged_at = $5 WHERE registry = $1 AND repository = $2 AND id = $3
UPDATE image SET tag_count = tag_count + $4, tagged = CASE WHEN tag_count + $4 > 0 THEN 1 ELSE 0 END WHERE registry = $1 AND repository = $2 AND id = $3
UPDATE image SET tag_count = tag_count - 1, displaced_at = $4, tagged = CASE WHEN tag_count > 1 THEN 1 ELSE 0 END WHERE registry = $1 AND repository = $2 AND id = $3
UPDATE instance_profile SET role = $2 WHERE unique_id = $1
UPDATE lifecycle_policy SET last_evaluated_at = $4 WHERE registry = $1 AND repository = $2 AND version = $3
UPDATE lifecycle_preview SET state = $4, ended_at = $5 WHERE registry = $1 AND repository = $2 AND id = $3
UPDATE lifecycle_preview SET state = 'COMPLETE', ended_at = $3, expiring = $4, archiving = $5 WHERE registry = $1 AND repository = $2
UPDATE link_review SET queued_at = $5 WHERE registry = $1 AND repository = $2 AND digest = $3 AND queued_at = $4
UPDATE managed_policy SET default_version = $2, updated_at = $3 WHERE arn = $1
UPDATE managed_policy SET last_version = last_version + 1 WHERE arn = $1 RETURNING policy_id, last_version
UPDATE outbox SET routed = 1 WHERE sequence = $1 AND routed = 0
UPDATE principal SET boundary = $2 WHERE unique_id = $1
UPDATE principal SET path = $2, name = $3, name_folded = $4 WHERE unique_id = $1
UPDATE principal SET version = version + 1 WHERE unique_id = $1 AND kind = 'group'
UPDATE principal SET version = version + 1 WHERE unique_id = $1 RETURNING kind
UPDATE principal SET version = version + 1 WHERE unique_id IN (SELECT g.user_id FROM identity_policy_managed i JOIN group_member g ON g.group_id = i.owner WHERE i.arn = $1)
UPDATE principal SET version = version + 1 WHERE unique_id IN (SELECT owner FROM identity_policy_managed WHERE arn = $1 UNION SELECT unique_id FROM principal WHERE boundary = $1)
UPDATE principal SET version = version + 1 WHERE unique_id IN (SELECT user_id FROM group_member WHERE group_id = $1)
UPDATE registry SET policy_version = policy_version + 1 WHERE key = $1
UPDATE registry SET repository_count = repository_count + 1 WHERE key = $1 AND repository_count < $2
UPDATE registry SET repository_count = repository_count - 1 WHERE key = $1
UPDATE repository SET deleted_at = $3 WHERE registry = $1 AND id = $2
UPDATE repository SET departures = $3 WHERE registry = $1 AND id = $2
UPDATE repository SET departures = departures + $3 WHERE registry = $1 AND id = $2
UPDATE repository SET image_count = image_count + $3, tag_count = tag_count + $4, departures = departures + $5 WHERE registry = $1 AND id = $2
UPDATE repository SET image_count = image_count + 1, last_image_id = CASE WHEN last_image_id >= $3 THEN last_image_id + 1 ELSE $3 END WHERE registry = $1 AND id = $2 RETURNING last_image_id
UPDATE repository SET mutability = $3, exclusion_filters = $4 WHERE registry = $1 AND id = $2
UPDATE repository_usage SET corrections = corrections + 1 WHERE registry = $1 AND repository = $2 AND corrections = $3
UPDATE role SET last_used_at = $2, last_used_region = $3 WHERE unique_id = $1 AND COALESCE(last_used_at, $2) <= $2
UPDATE role SET trust_policy = COALESCE($2, trust_policy), description = COALESCE($3, description), max_session_seconds = COALESCE($4, max_session_seconds) WHERE unique_id = $1
UPDATE setting SET value = $3 WHERE name = $1 AND value = $2
UPDATE tag SET archived = 0 WHERE registry = $1 AND repository = $2 AND image = $3
UPDATE tag SET archived = 1 WHERE registry = $1 AND repository = $2 AND image = $3
UPDATE upload AS u SET received = $5, hash_state = $6, version = u.version + 1, part_count = u.part_count + 1, last_part_size = $7, updated_at = $8, has_small_part = CASE WHEN u.has_small_part = 1 THEN u.has_small_part ELSE $9 END WHERE u.registry = $1 AND u.repository = $2 AND u.id = $3 AND u.version = $4 AND EXISTS (SELECT 1 FROM repository r WHERE r.registry = $1 AND r.id = $2 AND r.deleted_at IS NULL) RETURNING id, principal, object_key, algorithm, received, hash_state, version, part_count, last_part_size, has_small_part, created_at, updated_at
UPDATE work SET due_at = CASE WHEN again_at < $4 THEN again_at ELSE $4 END, again_at = NULL, lease_until = 0, error = $5 WHERE kind = $1 AND key = $2 AND fence = $3
UPDATE work SET due_at = CASE WHEN due_at > $3 THEN $3 ELSE due_at END, again_at = $3 WHERE kind = $1 AND key = $2 AND (due_at > $3 OR again_at IS NULL OR again_at > $3)
UPDATE work SET due_at = again_at, lease_until = 0, again_at = NULL, error = NULL WHERE kind = $1 AND key = $2 AND fence = $3 AND again_at IS NOT NULL
UPDATE work SET lease_until = $3, fence = fence + 1, attempts = attempts + 1, again_at = NULL WHERE kind = $1 AND key IN (SELECT w.key FROM work w WHERE w.kind = $1 AND w.due_at <= $2 AND w.lease_until <= $2 ORDER BY w.due_at LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING kind, key, fence, attempts
UPDATE work SET lease_until = $4 WHERE kind = $1 AND key = $2 AND fence = $3
WITH RECURSIVE family (root, digest, id) AS (SELECT i.id, i.digest, i.id FROM (SELECT id, digest FROM image WHERE registry = $1 AND repository = $2 AND id = $3) i UNION SELECT f.root, c.digest, m.id FROM family f JOIN image_child c ON c.registry = $1 AND c.repository = $2 AND c.image = f.id LEFT JOIN image m ON m.registry = $1 AND m.repository = $2 AND m.digest = c.digest) SELECT f.root, f.digest, i.protected_at, t.name, u.source FROM family f LEFT JOIN image i ON i.registry = $1 AND i.repository = $2 AND i.id = f.id LEFT JOIN tag t ON t.registry = $1 AND t.repository = $2 AND t.image = f.id AND t.protected_at IS NOT NULL LEFT JOIN in_use_digest u ON u.registry = $1 AND u.digest = f.digest AND u.expires_at > $4 WHERE i.protected_at IS NOT NULL OR t.name IS NOT NULL OR u.source IS NOT NULL LIMIT 1
WITH RECURSIVE listed (id) AS ( SELECT id FROM image WHERE registry = $1 AND repository = $2 AND id = $3 UNION SELECT m.id FROM listed l JOIN image_child c ON c.registry = $1 AND c.repository = $2 AND c.image = l.id JOIN image m ON m.registry = $1 AND m.repository = $2 AND m.digest = c.digest) SELECT i.id FROM listed l JOIN image i ON i.registry = $1 AND i.repository = $2 AND i.id = l.id WHERE i.id <> $3 AND i.status <> 1
WITH pull (registry, repository, image, at) AS (VALUES (CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT))) INSERT INTO image_pull (registry, repository, image, last_pulled_at) SELECT i.registry, i.repository, i.id, p.at FROM pull p CROSS JOIN image i WHERE i.registry = p.registry AND i.repository = p.repository AND i.id = p.image ON CONFLICT (registry, repository, image) DO UPDATE SET last_pulled_at = excluded.last_pulled_at WHERE image_pull.last_pulled_at <= excluded.last_pulled_at - $1
WITH pull (registry, repository, image, at) AS (VALUES (CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT)), ($6, $7, $8, $9), ($10, $11, $12, $13), ($14, $15, $16, $17), ($18, $19, $20, $21), ($22, $23, $24, $25), ($26, $27, $28, $29), ($30, $31, $32, $33), ($34, $35, $36, $37), ($38, $39, $40, $41), ($42, $43, $44, $45), ($46, $47, $48, $49), ($50, $51, $52, $53), ($54, $55, $56, $57), ($58, $59, $60, $61), ($62, $63, $64, $65), ($66, $67, $68, $69), ($70, $71, $72, $73), ($74, $75, $76, $77), ($78, $79, $80, $81), ($82, $83, $84, $85), ($86, $87, $88, $89), ($90, $91, $92, $93), ($94, $95, $96, $97), ($98, $99, $100, $101), ($102, $103, $104, $105), ($106, $107, $108, $109), ($110, $111, $112, $113), ($114, $115, $116, $117), ($118, $119, $120, $121), ($122, $123, $124, $125), ($126, $127, $128, $129), ($130, $131, $132, $133), ($134, $135, $136, $137), ($138, $139, $140, $141), ($142, $143, $144, $145), ($146, $147, $148, $149), ($150, $151, $152, $153), ($154, $155, $156, $157), ($158, $159, $160, $161), ($162, $163, $164, $165), ($166, $167, $168, $169), ($170, $171, $172, $173), ($174, $175, $176, $177), ($178, $179, $180, $181), ($182, $183, $184, $185), ($186, $187, $188, $189), ($190, $191, $192, $193), ($194, $195, $196, $197), ($198, $199, $200, $201), ($202, $203, $204, $205), ($206, $207, $208, $209), ($210, $211, $212, $213), ($214, $215, $216, $217), ($218, $219, $220, $221), ($222, $223, $224, $225), ($226, $227, $228, $229), ($230, $231, $232, $233), ($234, $235, $236, $237), ($238, $239, $240, $241), ($242, $243, $244, $245), ($246, $247, $248, $249), ($250, $251, $252, $253), ($254, $255, $256, $257)) INSERT INTO image_pull (registry, repository, image, last_pulled_at) SELECT i.registry, i.repository, i.id, p.at FROM pull p CROSS JOIN image i WHERE i.registry = p.registry AND i.repository = p.repository AND i.id = p.image ON CONFLICT (registry, repository, image) DO UPDATE SET last_pulled_at = excluded.last_pulled_at WHERE image_pull.last_pulled_at <= excluded.last_pulled_at - $1
WITH pull (registry, repository, image, at) AS (VALUES (CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT)), ($6, $7, $8, $9), ($10, $11, $12, $13), ($14, $15, $16, $17), ($18, $19, $20, $21), ($22, $23, $24, $25), ($26, $27, $28, $29), ($30, $31, $32, $33), ($34, $35, $36, $37), ($38, $39, $40, $41), ($42, $43, $44, $45), ($46, $47, $48, $49), ($50, $51, $52, $53), ($54, $55, $56, $57), ($58, $59, $60, $61), ($62, $63, $64, $65), ($66, $67, $68, $69), ($70, $71, $72, $73), ($74, $75, $76, $77), ($78, $79, $80, $81), ($82, $83, $84, $85), ($86, $87, $88, $89), ($90, $91, $92, $93), ($94, $95, $96, $97), ($98, $99, $100, $101), ($102, $103, $104, $105), ($106, $107, $108, $109), ($110, $111, $112, $113), ($114, $115, $116, $117), ($118, $119, $120, $121), ($122, $123, $124, $125), ($126, $127, $128, $129), ($130, $131, $132, $133), ($134, $135, $136, $137), ($138, $139, $140, $141), ($142, $143, $144, $145), ($146, $147, $148, $149), ($150, $151, $152, $153), ($154, $155, $156, $157), ($158, $159, $160, $161), ($162, $163, $164, $165), ($166, $167, $168, $169), ($170, $171, $172, $173), ($174, $175, $176, $177), ($178, $179, $180, $181), ($182, $183, $184, $185), ($186, $187, $188, $189), ($190, $191, $192, $193), ($194, $195, $196, $197), ($198, $199, $200, $201), ($202, $203, $204, $205), ($206, $207, $208, $209), ($210, $211, $212, $213), ($214, $215, $216, $217), ($218, $219, $220, $221), ($222, $223, $224, $225), ($226, $227, $228, $229), ($230, $231, $232, $233), ($234, $235, $236, $237), ($238, $239, $240, $241), ($242, $243, $244, $245), ($246, $247, $248, $249), ($250, $251, $252, $253), ($254, $255, $256, $257), ($258, $259, $260, $261), ($262, $263, $264, $265), ($266, $267, $268, $269), ($270, $271, $272, $273), ($274, $275, $276, $277), ($278, $279, $280, $281), ($282, $283, $284, $285), ($286, $287, $288, $289), ($290, $291, $292, $293), ($294, $295, $296, $297), ($298, $299, $300, $301), ($302, $303, $304, $305), ($306, $307, $308, $309), ($310, $311, $312, $313), ($314, $315, $316, $317), ($318, $319, $320, $321), ($322, $323, $324, $325), ($326, $327, $328, $329), ($330, $331, $332, $333), ($334, $335, $336, $337), ($338, $339, $340, $341), ($342, $343, $344, $345), ($346, $347, $348, $349), ($350, $351, $352, $353), ($354, $355, $356, $357), ($358, $359, $360, $361), ($362, $363, $364, $365), ($366, $367, $368, $369), ($370, $371, $372, $373), ($374, $375, $376, $377), ($378, $379, $380, $381), ($382, $383, $384, $385), ($386, $387, $388, $389), ($390, $391, $392, $393), ($394, $395, $396, $397), ($398, $399, $400, $401), ($402, $403, $404, $405), ($406, $407, $408, $409), ($410, $411, $412, $413), ($414, $415, $416, $417), ($418, $419, $420, $421), ($422, $423, $424, $425), ($426, $427, $428, $429), ($430, $431, $432, $433), ($434, $435, $436, $437), ($438, $439, $440, $441), ($442, $443, $444, $445), ($446, $447, $448, $449), ($450, $451, $452, $453), ($454, $455, $456, $457), ($458, $459, $460, $461), ($462, $463, $464, $465), ($466, $467, $468, $469), ($470, $471, $472, $473), ($474, $475, $476, $477), ($478, $479, $480, $481), ($482, $483, $484, $485), ($486, $487, $488, $489), ($490, $491, $492, $493), ($494, $495, $496, $497), ($498, $499, $500, $501), ($502, $503, $504, $505), ($506, $507, $508, $509), ($510, $511, $512, $513), ($514, $515, $516, $517), ($518, $519, $520, $521), ($522, $523, $524, $525), ($526, $527, $528, $529), ($530, $531, $532, $533), ($534, $535, $536, $537), ($538, $539, $540, $541), ($542, $543, $544, $545), ($546, $547, $548, $549), ($550, $551, $552, $553), ($554, $555, $556, $557), ($558, $559, $560, $561), ($562, $563, $564, $565), ($566, $567, $568, $569), ($570, $571, $572, $573), ($574, $575, $576, $577), ($578, $579, $580, $581), ($582, $583, $584, $585), ($586, $587, $588, $589), ($590, $591, $592, $593), ($594, $595, $596, $597), ($598, $599, $600, $601), ($602, $603, $604, $605), ($606, $607, $608, $609), ($610, $611, $612, $613), ($614, $615, $616, $617), ($618, $619, $620, $621), ($622, $623, $624, $625), ($626, $627, $628, $629), ($630, $631, $632, $633), ($634, $635, $636, $637), ($638, $639, $640, $641), ($642, $643, $644, $645), ($646, $647, $648, $649), ($650, $651, $652, $653), ($654, $655, $656, $657), ($658, $659, $660, $661), ($662, $663, $664, $665), ($666, $667, $668, $669), ($670, $671, $672, $673), ($674, $675, $676, $677), ($678, $679, $680, $681), ($682, $683, $684, $685), ($686, $687, $688, $689), ($690, $691, $692, $693), ($694, $695, $696, $697), ($698, $699, $700, $701), ($702, $703, $704, $705), ($706, $707, $708, $709), ($710, $711, $712, $713), ($714, $715, $716, $717), ($718, $719, $720, $721), ($722, $723, $724, $725), ($726, $727, $728, $729), ($730, $731, $732, $733), ($734, $735, $736, $737), ($738, $739, $740, $741), ($742, $743, $744, $745), ($746, $747, $748, $749), ($750, $751, $752, $753), ($754, $755, $756, $757), ($758, $759, $760, $761), ($762, $763, $764, $765), ($766, $767, $768, $769), ($770, $771, $772, $773), ($774, $775, $776, $777), ($778, $779, $780, $781), ($782, $783, $784, $785), ($786, $787, $788, $789), ($790, $791, $792, $793), ($794, $795, $796, $797), ($798, $799, $800, $801), ($802, $803, $804, $805), ($806, $807, $808, $809), ($810, $811, $812, $813), ($814, $815, $816, $817), ($818, $819, $820, $821), ($822, $823, $824, $825), ($826, $827, $828, $829), ($830, $831, $832, $833), ($834, $835, $836, $837), ($838, $839, $840, $841), ($842, $843, $844, $845), ($846, $847, $848, $849), ($850, $851, $852, $853), ($854, $855, $856, $857), ($858, $859, $860, $861), ($862, $863, $864, $865), ($866, $867, $868, $869), ($870, $871, $872, $873), ($874, $875, $876, $877), ($878, $879, $880, $881), ($882, $883, $884, $885), ($886, $887, $888, $889), ($890, $891, $892, $893), ($894, $895, $896, $897), ($898, $899, $900, $901), ($902, $903, $904, $905), ($906, $907, $908, $909), ($910, $911, $912, $913), ($914, $915, $916, $917), ($918, $919, $920, $921), ($922, $923, $924, $925), ($926, $927, $928, $929), ($930, $931, $932, $933), ($934, $935, $936, $937), ($938, $939, $940, $941), ($942, $943, $944, $945), ($946, $947, $948, $949), ($950, $951, $952, $953), ($954, $955, $956, $957), ($958, $959, $960, $961), ($962, $963, $964, $965), ($966, $967, $968, $969), ($970, $971, $972, $973), ($974, $975, $976, $977), ($978, $979, $980, $981), ($982, $983, $984, $985), ($986, $987, $988, $989), ($990, $991, $992, $993), ($994, $995, $996, $997), ($998, $999, $1000, $1001), ($1002, $1003, $1004, $1005), ($1006, $1007, $1008, $1009), ($1010, $1011, $1012, $1013), ($1014, $1015, $1016, $1017), ($1018, $1019, $1020, $1021), ($1022, $1023, $1024, $1025)) INSERT INTO image_pull (registry, repository, image, last_pulled_at) SELECT i.registry, i.repository, i.id, p.at FROM pull p CROSS JOIN image i WHERE i.registry = p.registry AND i.repository = p.repository AND i.id = p.image ON CONFLICT (registry, repository, image) DO UPDATE SET last_pulled_at = excluded.last_pulled_at WHERE image_pull.last_pulled_at <= excluded.last_pulled_at - $1
