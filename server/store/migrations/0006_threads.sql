-- What an actor follows of threads, beside what it has read of them; user groups; whom a mention of
-- a group called.

-- A thread's channel, for lists of a channel's threads by their last reply.
ALTER TABLE threads ADD COLUMN channel_id {{text}} NOT NULL DEFAULT '';
UPDATE threads SET channel_id =
  COALESCE((SELECT m.channel_id FROM messages m WHERE m.id = threads.root_id), '');
CREATE INDEX threads_channel ON threads (channel_id, last_reply_seq);

-- `following`: 0 nothing said, 1 follows, 2 unfollowed. `last_read_at` 0: never read.
ALTER TABLE thread_reads ADD COLUMN workspace_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE thread_reads ADD COLUMN channel_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE thread_reads ADD COLUMN following BIGINT NOT NULL DEFAULT 0;
-- Who has a root or a reply in a thread follows it.
INSERT INTO thread_reads (actor_id, root_id, last_read_seq, last_read_at)
  SELECT DISTINCT m.actor_id, m.thread_id, 0, 0 FROM messages m
  WHERE m.thread_id IS NOT NULL AND m.is_system = 0
  ON CONFLICT (actor_id, root_id) DO NOTHING;
INSERT INTO thread_reads (actor_id, root_id, last_read_seq, last_read_at)
  SELECT m.actor_id, m.id, 0, 0 FROM messages m JOIN threads t ON t.root_id = m.id
  WHERE m.is_system = 0
  ON CONFLICT (actor_id, root_id) DO NOTHING;
UPDATE thread_reads SET channel_id =
  COALESCE((SELECT m.channel_id FROM messages m WHERE m.id = thread_reads.root_id), '');
UPDATE thread_reads SET workspace_id =
  COALESCE((SELECT c.workspace_id FROM channels c WHERE c.id = thread_reads.channel_id), '');
DELETE FROM thread_reads WHERE NOT EXISTS (SELECT 1 FROM channel_members m
  WHERE m.channel_id = thread_reads.channel_id AND m.actor_id = thread_reads.actor_id);
UPDATE thread_reads SET following = 1 WHERE EXISTS (SELECT 1 FROM messages m
  WHERE m.actor_id = thread_reads.actor_id AND m.is_system = 0
  AND (m.id = thread_reads.root_id OR m.thread_id = thread_reads.root_id));
CREATE INDEX thread_reads_followers ON thread_reads (root_id, actor_id) WHERE following = 1;

CREATE TABLE user_groups (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  handle {{text}} NOT NULL,
  name {{text}} NOT NULL,
  description {{text}} NOT NULL,
  search {{text}} NOT NULL,
  created_by {{text}} NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_groups_handle ON user_groups (workspace_id, handle);

-- `place` orders the members by their coming.
CREATE TABLE user_group_members (
  group_id {{text}} NOT NULL REFERENCES user_groups (id),
  actor_id {{text}} NOT NULL REFERENCES actors (id),
  place BIGINT NOT NULL,
  PRIMARY KEY (group_id, actor_id)
){{without_rowid}};
CREATE INDEX user_group_members_actor ON user_group_members (actor_id, group_id);

-- Whom a mention of a group, or of those present, called when the message was sent: `called_as` is
-- the group's id, or 'here'. Their rows in message_mentions follow from it and from the text.
CREATE TABLE group_calls (
  channel_id {{text}} NOT NULL,
  seq BIGINT NOT NULL,
  called_as {{text}} NOT NULL,
  actor_id {{text}} NOT NULL,
  PRIMARY KEY (channel_id, seq, called_as, actor_id)
){{without_rowid}};
