-- The registry of the repository that an old name leads to, if the repository was moved to another account. NULL: the
-- registry of the name.
ALTER TABLE repository_redirect ADD COLUMN target INTEGER;
CREATE INDEX repository_redirect_target ON repository_redirect (target, repository) WHERE target IS NOT NULL;
