-- The first schema. Times are milliseconds UTC; enums are the numbers of the contract; 0 and '' mean
-- unset where a column is NOT NULL. Blobs named `body`, `record`, `settings`, `metadata` and
-- `payload` are serialised messages of the contract.

CREATE TABLE meta (
  key {{text}} PRIMARY KEY,
  value {{text}} NOT NULL
){{without_rowid}};

CREATE TABLE actors (
  id {{text}} PRIMARY KEY,
  type BIGINT NOT NULL,
  username {{text}} NOT NULL,
  display_name {{text}} NOT NULL,
  avatar_url {{text}},
  status {{text}},
  presence BIGINT NOT NULL,
  email {{text}},
  search {{text}} NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT,
  deleted_at BIGINT,
  revision BIGINT NOT NULL,
  metadata {{blob}}
);
CREATE UNIQUE INDEX actors_username ON actors (username);
CREATE UNIQUE INDEX actors_email ON actors (email) WHERE email IS NOT NULL;

CREATE TABLE agent_profiles (
  actor_id {{text}} PRIMARY KEY REFERENCES actors (id),
  owner_id {{text}},
  body {{blob}} NOT NULL
);
CREATE INDEX agent_profiles_owner ON agent_profiles (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE agent_capabilities (
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  capability {{text}} NOT NULL,
  PRIMARY KEY (actor_id, capability)
){{without_rowid}};

CREATE TABLE workspaces (
  id {{text}} PRIMARY KEY,
  name {{text}} NOT NULL,
  slug {{text}} NOT NULL,
  owner_id {{text}} NOT NULL,
  created_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  settings {{blob}}
);
CREATE UNIQUE INDEX workspaces_slug ON workspaces (slug);

-- Head of a workspace's log: the position of its last event.
CREATE TABLE workspace_log (
  workspace_id {{text}} PRIMARY KEY REFERENCES workspaces (id),
  position BIGINT NOT NULL,
  epoch {{text}} NOT NULL
){{without_rowid}};

-- `last_used` counts up over an actor's rows: the highest is where it was last seen.
CREATE TABLE workspace_members (
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  role BIGINT NOT NULL,
  joined_at BIGINT NOT NULL,
  last_used BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, actor_id)
){{without_rowid}};
CREATE INDEX workspace_members_actor ON workspace_members (actor_id);

-- `type` 1 is a password (one for each actor, hash by argon2id), others are looked up by hash.
CREATE TABLE credentials (
  id {{text}} PRIMARY KEY,
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  type BIGINT NOT NULL,
  workspace_id {{text}} NOT NULL,
  secret_hash {{text}} NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT,
  record {{blob}} NOT NULL
);
CREATE UNIQUE INDEX credentials_hash ON credentials (secret_hash) WHERE type <> 1;
CREATE UNIQUE INDEX credentials_password ON credentials (actor_id) WHERE type = 1;
CREATE INDEX credentials_actor ON credentials (actor_id, type, id);

CREATE TABLE sessions (
  id {{text}} PRIMARY KEY,
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  user_agent {{text}} NOT NULL,
  address {{text}} NOT NULL
);
CREATE INDEX sessions_actor ON sessions (actor_id);

CREATE TABLE channels (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  name {{text}} NOT NULL,
  type BIGINT NOT NULL,
  archived BIGINT NOT NULL,
  last_seq BIGINT NOT NULL,
  member_count BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT,
  created_by {{text}} NOT NULL,
  dm_key {{text}},
  topic {{text}} NOT NULL,
  purpose {{text}} NOT NULL
);
-- Archived channels keep their names, so that unarchiving cannot fail.
CREATE UNIQUE INDEX channels_name ON channels (workspace_id, lower(name)) WHERE name <> '';
CREATE UNIQUE INDEX channels_dm_key ON channels (workspace_id, dm_key) WHERE dm_key IS NOT NULL;
CREATE INDEX channels_list ON channels (workspace_id, name, id);

CREATE TABLE channel_members (
  channel_id {{text}} NOT NULL REFERENCES channels (id),
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  role BIGINT NOT NULL,
  joined_at BIGINT NOT NULL,
  joined_position BIGINT NOT NULL,
  last_read_seq BIGINT NOT NULL,
  last_read_at BIGINT,
  muted BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (channel_id, actor_id)
){{without_rowid}};
CREATE INDEX channel_members_actor ON channel_members (actor_id, channel_id);

CREATE TABLE membership_intervals (
  actor_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  from_position BIGINT NOT NULL,
  to_position BIGINT NOT NULL,
  joined_at BIGINT NOT NULL,
  PRIMARY KEY (actor_id, workspace_id, channel_id, from_position)
){{without_rowid}};

-- The hot table. Its keys are appended to or sit beside their channel's newest; everything else is a
-- partial index. `body` is the message without what the columns and other tables hold. No foreign
-- keys: the insert itself proves channel and workspace.
CREATE TABLE messages (
  id {{text}} PRIMARY KEY,
  channel_id {{text}} NOT NULL,
  seq BIGINT NOT NULL,
  actor_id {{text}} NOT NULL,
  thread_id {{text}},
  state BIGINT NOT NULL,
  is_system BIGINT NOT NULL,
  deleted BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  created_position BIGINT NOT NULL,
  changed_position BIGINT NOT NULL,
  client_id {{text}},
  request_hash {{blob}},
  body {{blob}} NOT NULL
);
CREATE UNIQUE INDEX messages_seq ON messages (channel_id, seq);
CREATE UNIQUE INDEX messages_client_id ON messages (actor_id, client_id)
  WHERE client_id IS NOT NULL;
CREATE INDEX messages_thread ON messages (thread_id, seq) WHERE thread_id IS NOT NULL;
CREATE INDEX messages_changed ON messages (channel_id, changed_position)
  WHERE changed_position <> created_position;

-- What a root shows of its replies.
CREATE TABLE threads (
  root_id {{text}} PRIMARY KEY,
  reply_count BIGINT NOT NULL,
  last_reply_seq BIGINT NOT NULL,
  last_reply_at BIGINT NOT NULL,
  participants {{text}} NOT NULL
){{without_rowid}};

CREATE TABLE thread_reads (
  actor_id {{text}} NOT NULL,
  root_id {{text}} NOT NULL,
  last_read_seq BIGINT NOT NULL,
  last_read_at BIGINT NOT NULL,
  PRIMARY KEY (actor_id, root_id)
){{without_rowid}};

CREATE TABLE message_versions (
  message_id {{text}} NOT NULL,
  revision BIGINT NOT NULL,
  body {{blob}} NOT NULL,
  PRIMARY KEY (message_id, revision)
);

-- `actor_id` is '*' for mentions of a group.
CREATE TABLE message_mentions (
  channel_id {{text}} NOT NULL,
  actor_id {{text}} NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (channel_id, actor_id, seq)
){{without_rowid}};

-- `place` orders a message's reactions.
CREATE TABLE reactions (
  message_id {{text}} NOT NULL,
  emoji {{text}} NOT NULL,
  actor_id {{text}} NOT NULL,
  place BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (message_id, emoji, actor_id)
){{without_rowid}};
CREATE UNIQUE INDEX reactions_place ON reactions (message_id, place);

CREATE TABLE streams (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL,
  actor_id {{text}} NOT NULL,
  state BIGINT NOT NULL,
  outcome {{text}} NOT NULL,
  body {{blob}} NOT NULL
);
CREATE INDEX streams_active ON streams (actor_id) WHERE state = 1;

CREATE TABLE files (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  actor_id {{text}} NOT NULL,
  blob_key {{text}} NOT NULL,
  body {{blob}} NOT NULL
);

CREATE TABLE file_links (
  file_id {{text}} NOT NULL REFERENCES files (id),
  message_id {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  PRIMARY KEY (file_id, message_id)
){{without_rowid}};
CREATE INDEX file_links_message ON file_links (message_id);

-- `http_status` 0 is the method's own. `message_id` is set where the answer carries a message.
CREATE TABLE idempotency (
  actor_id {{text}} NOT NULL,
  method {{text}} NOT NULL,
  key {{text}} NOT NULL,
  created_at BIGINT NOT NULL,
  request_hash {{blob}} NOT NULL,
  response {{blob}} NOT NULL,
  http_status BIGINT NOT NULL,
  message_id {{text}},
  PRIMARY KEY (actor_id, method, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);
CREATE INDEX idempotency_message ON idempotency (message_id) WHERE message_id IS NOT NULL;

-- `kind` is the number of the payload's field. `message_id` is set where an event carries a message
-- and is not the one of the message's created_position: so a deletion finds all that it must scrub.
CREATE TABLE event_log (
  workspace_id {{text}} NOT NULL,
  position BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  channel_id {{text}} NOT NULL,
  to_actor_id {{text}} NOT NULL,
  message_id {{text}},
  payload {{blob}} NOT NULL,
  PRIMARY KEY (workspace_id, position)
){{without_rowid}};
CREATE INDEX event_log_message ON event_log (message_id) WHERE message_id IS NOT NULL;
