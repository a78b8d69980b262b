-- What people do with messages: pins, bookmarks, saved items, forwards; and files whose bytes are
-- still to go.

CREATE TABLE pins (
  channel_id {{text}} NOT NULL,
  message_id {{text}} NOT NULL,
  pinned_by {{text}} NOT NULL,
  pinned_at BIGINT NOT NULL,
  PRIMARY KEY (channel_id, message_id)
){{without_rowid}};
CREATE INDEX pins_message ON pins (message_id);

CREATE TABLE bookmarks (
  id {{text}} PRIMARY KEY,
  channel_id {{text}} NOT NULL,
  body {{blob}} NOT NULL
);
CREATE INDEX bookmarks_channel ON bookmarks (channel_id, id);

-- `done_at` 0: not done. `position` is that of the event that carries the note.
CREATE TABLE saved_items (
  actor_id {{text}} NOT NULL,
  message_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  saved_at BIGINT NOT NULL,
  done_at BIGINT NOT NULL,
  note {{text}} NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (actor_id, message_id)
){{without_rowid}};
CREATE INDEX saved_items_list ON saved_items (actor_id, workspace_id, saved_at, message_id);
CREATE INDEX saved_items_message ON saved_items (message_id);

-- Copies that still hold the text of their original. A row goes when its copy is erased; so rows
-- whose original is deleted are what is left to do.
CREATE TABLE message_forwards (
  original_id {{text}} NOT NULL,
  message_id {{text}} NOT NULL,
  PRIMARY KEY (original_id, message_id)
){{without_rowid}};
CREATE INDEX message_forwards_message ON message_forwards (message_id);

-- Bytes that no file names any more, until the blob store has deleted them.
CREATE TABLE dead_blobs (
  blob_key {{text}} PRIMARY KEY
){{without_rowid}};
