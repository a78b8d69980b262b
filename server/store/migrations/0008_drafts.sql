-- What was written and not sent yet. `position` is that of the last event that carries the text, so
-- that the text can be taken out of the log. `thread_id` '' is the channel itself. `body` is the
-- message of the contract without what the columns hold.
CREATE TABLE message_drafts (
  actor_id {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  thread_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  position BIGINT NOT NULL,
  body {{blob}} NOT NULL,
  PRIMARY KEY (actor_id, channel_id, thread_id)
);
CREATE INDEX message_drafts_list ON message_drafts
  (actor_id, workspace_id, updated_at, channel_id, thread_id);
CREATE INDEX message_drafts_channel ON message_drafts (channel_id);

CREATE TABLE scheduled_messages (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  actor_id {{text}} NOT NULL,
  state BIGINT NOT NULL,
  send_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  position BIGINT NOT NULL,
  body {{blob}} NOT NULL
);
CREATE INDEX scheduled_messages_due ON scheduled_messages (send_at) WHERE state = 1;
CREATE INDEX scheduled_messages_over ON scheduled_messages (updated_at) WHERE state <> 1;
CREATE INDEX scheduled_messages_list ON scheduled_messages (actor_id, workspace_id, send_at, id);
CREATE INDEX scheduled_messages_channel ON scheduled_messages (channel_id);
