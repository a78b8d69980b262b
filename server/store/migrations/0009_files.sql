-- What is kept of files beside their facts: previews, use of quotas, what is to be done about them.

-- `kind` 0: of before this, not counted and not looked at yet. `hidden` 1: of the server's own, in no list and no count.
-- `sweep_at` 0: linked to a message; else when it goes if nothing is linked to it then. `deleted_at` 0: there; else its
-- bytes are gone, and the row stays until all messages say so.
ALTER TABLE files ADD COLUMN kind BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN hidden BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN sweep_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
-- `preview_state`: 0 to be looked at, 1 none, 2 made. `preview_tries`: how often it was begun.
ALTER TABLE files ADD COLUMN preview_state BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN preview_tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN preview_key {{text}} NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN preview_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN preview_sha256 {{text}} NOT NULL DEFAULT '';
CREATE INDEX files_actor ON files (workspace_id, actor_id, id);
CREATE INDEX files_unlooked ON files (id) WHERE preview_state = 0;
CREATE INDEX files_sweep ON files (sweep_at, id) WHERE sweep_at > 0;

-- `stale` 1: the message shows the file as it was before.
ALTER TABLE file_links ADD COLUMN stale BIGINT NOT NULL DEFAULT 0;
CREATE INDEX file_links_channel ON file_links (channel_id, file_id, message_id);
CREATE INDEX file_links_stale ON file_links (file_id, message_id) WHERE stale = 1;

-- Of an actor in a workspace; `actor_id` '' is the whole workspace.
CREATE TABLE file_usage (
  workspace_id {{text}} NOT NULL,
  actor_id {{text}} NOT NULL,
  bytes BIGINT NOT NULL,
  files BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, actor_id)
){{without_rowid}};
