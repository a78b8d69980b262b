-- Channels: how far back readers may read, and the names that channels had before.

-- `open_from_seq` and `open_from_position` say from where on those who are not members may read a public
-- channel: 0 when nothing is kept from them.
ALTER TABLE channels ADD COLUMN history_visibility BIGINT NOT NULL DEFAULT 1;
ALTER TABLE channels ADD COLUMN open_from_seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN open_from_position BIGINT NOT NULL DEFAULT 0;

-- `history_from_seq` is the oldest message that the member may read; 0: everything.
ALTER TABLE channel_members ADD COLUMN history_from_seq BIGINT NOT NULL DEFAULT 0;

-- Purged channels of which rows are left. `stage` says what is being erased, `scrubbed` how far the log is.
CREATE TABLE channel_purges (
  channel_id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL,
  deleted_position BIGINT NOT NULL,
  stage BIGINT NOT NULL,
  scrubbed BIGINT NOT NULL
){{without_rowid}};
-- What a purge looks for.
ALTER TABLE streams ADD COLUMN channel_id {{text}};
CREATE INDEX streams_channel ON streams (channel_id);
ALTER TABLE idempotency ADD COLUMN channel_id {{text}};
CREATE INDEX idempotency_channel ON idempotency (channel_id) WHERE channel_id IS NOT NULL;
CREATE INDEX thread_reads_root ON thread_reads (root_id);

-- Names in lower case, each with the channel that gave it up last.
CREATE TABLE channel_names (
  workspace_id {{text}} NOT NULL,
  name {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  PRIMARY KEY (workspace_id, name)
){{without_rowid}};
CREATE INDEX channel_names_channel ON channel_names (channel_id);
