-- People and agents: what the directory filters by, and names that are kept for a while after they
-- were given up. Agents made before this are found by framework once their profile is written again.

ALTER TABLE agent_profiles ADD COLUMN framework {{text}} NOT NULL DEFAULT '';
ALTER TABLE agent_profiles ADD COLUMN paused BIGINT NOT NULL DEFAULT 0;
CREATE INDEX agent_profiles_framework ON agent_profiles (framework) WHERE framework <> '';
CREATE INDEX agent_profiles_paused ON agent_profiles (actor_id) WHERE paused = 1;
CREATE INDEX agent_capabilities_capability ON agent_capabilities (capability, actor_id);

-- `kept_until`: until then nobody but the actor takes the name.
CREATE TABLE former_usernames (
  username {{text}} PRIMARY KEY,
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  kept_until BIGINT NOT NULL
){{without_rowid}};
CREATE INDEX former_usernames_actor ON former_usernames (actor_id, kept_until);

-- One picture for each actor, in two sizes; `sha256` is of the bytes.
CREATE TABLE avatars (
  actor_id {{text}} PRIMARY KEY REFERENCES actors (id),
  blob_key {{text}} NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 {{text}} NOT NULL,
  small_blob_key {{text}} NOT NULL,
  small_size_bytes BIGINT NOT NULL,
  small_sha256 {{text}} NOT NULL
){{without_rowid}};

-- Custom emoji of a workspace. A name is free again when its emoji is removed.
CREATE TABLE custom_emoji (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  name {{text}} NOT NULL,
  url {{text}} NOT NULL,
  created_by {{text}} NOT NULL,
  created_at BIGINT NOT NULL,
  blob_key {{text}} NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 {{text}} NOT NULL
);
CREATE UNIQUE INDEX custom_emoji_name ON custom_emoji (workspace_id, name);
