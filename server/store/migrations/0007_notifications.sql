-- What reaches whom, and how far the jobs that read the log have come.

-- `position` is the last event that the job is done with; no row: none yet.
CREATE TABLE job_cursors (
  job {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (job, workspace_id)
){{without_rowid}};
-- What was said before there was an inbox stays out of it.
INSERT INTO job_cursors (job, workspace_id, position)
  SELECT 'inbox', workspace_id, position FROM workspace_log;

-- `level` and `has_keywords` are what the job looks for; `body` is the whole.
CREATE TABLE notification_preferences (
  actor_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  level BIGINT NOT NULL,
  has_keywords BIGINT NOT NULL,
  body {{blob}} NOT NULL,
  PRIMARY KEY (actor_id, workspace_id)
){{without_rowid}};
-- 1 is all.
CREATE INDEX notification_preferences_all ON notification_preferences (workspace_id)
  WHERE level = 1;
CREATE INDEX notification_preferences_keywords ON notification_preferences (workspace_id)
  WHERE has_keywords = 1;

-- `thread_id` '' is the channel itself.
CREATE TABLE channel_notifications (
  actor_id {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  thread_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  level BIGINT NOT NULL,
  PRIMARY KEY (actor_id, channel_id, thread_id)
){{without_rowid}};
CREATE INDEX channel_notifications_channel ON channel_notifications (channel_id, thread_id, level);

-- `position` is that of the event that made the item; `thread_id` '' is the channel itself.
CREATE TABLE inbox (
  actor_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  id {{text}} NOT NULL,
  reason BIGINT NOT NULL,
  channel_id {{text}} NOT NULL,
  thread_id {{text}} NOT NULL,
  message_id {{text}} NOT NULL,
  seq BIGINT NOT NULL,
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT,
  quiet BIGINT NOT NULL,
  PRIMARY KEY (actor_id, workspace_id, id)
){{without_rowid}};
CREATE UNIQUE INDEX inbox_message ON inbox (message_id, actor_id);
CREATE INDEX inbox_unseen ON inbox (actor_id, workspace_id, channel_id, id)
  WHERE seen_at IS NULL;
CREATE INDEX inbox_channel ON inbox (channel_id, actor_id);
CREATE INDEX inbox_created ON inbox (created_at);

-- Availability set by hand: away, dnd or offline.
CREATE TABLE presence_choices (
  actor_id {{text}} PRIMARY KEY,
  presence BIGINT NOT NULL
);
-- Who is connected, so that a restart does not show everybody as gone.
CREATE TABLE presence_connected (
  actor_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  PRIMARY KEY (actor_id, workspace_id)
){{without_rowid}};
