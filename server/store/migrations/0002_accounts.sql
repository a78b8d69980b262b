-- Invites and links to reset a password: only hashes of their secrets.

-- `record` is the invite without what the columns hold; `max_uses` 0 is any number of times.
CREATE TABLE invites (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  code_hash {{text}} NOT NULL,
  created_by {{text}} NOT NULL,
  max_uses BIGINT NOT NULL,
  use_count BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  record {{blob}} NOT NULL
);
CREATE UNIQUE INDEX invites_code ON invites (code_hash);
CREATE INDEX invites_list ON invites (workspace_id, id);

-- One for each person at most: a new link replaces the old one. `created_by` made it, in
-- `workspace_id`.
CREATE TABLE password_resets (
  actor_id {{text}} PRIMARY KEY REFERENCES actors (id),
  token_hash {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  created_by {{text}} NOT NULL,
  expires_at BIGINT NOT NULL
){{without_rowid}};
CREATE UNIQUE INDEX password_resets_token ON password_resets (token_hash);
