-- Each filter of a list is a range of an index.

DROP INDEX image_subject;
CREATE INDEX image_subject ON image (registry, repository, subject, status, id) WHERE subject IS NOT NULL;
CREATE INDEX image_subject_type ON image (registry, repository, subject, status, artifact_type, id)
    WHERE subject IS NOT NULL;
