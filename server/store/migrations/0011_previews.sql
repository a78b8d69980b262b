-- What is kept for link previews.

-- Links of a message that were looked at, or that somebody wants without a preview (`removed` 1). `page_key` '': no page
-- is kept for it.
CREATE TABLE preview_links (
  message_id {{text}} NOT NULL,
  url {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  page_key {{text}} NOT NULL,
  removed BIGINT NOT NULL,
  PRIMARY KEY (message_id, url)
){{without_rowid}};
CREATE INDEX preview_links_page ON preview_links (workspace_id, page_key);

-- What pages said, for some hours, each workspace for itself. `body` is a LinkPreview without url and picture, empty when
-- there is nothing to show; `image` is the picture as it is kept, or empty.
CREATE TABLE preview_pages (
  workspace_id {{text}} NOT NULL,
  page_key {{text}} NOT NULL,
  expires_at BIGINT NOT NULL,
  body {{blob}} NOT NULL,
  image {{blob}} NOT NULL,
  PRIMARY KEY (workspace_id, page_key)
){{without_rowid}};
CREATE INDEX preview_pages_expiry ON preview_pages (expires_at);

-- Messages whose links are to be looked at.
CREATE TABLE preview_jobs (
  message_id {{text}} NOT NULL PRIMARY KEY,
  workspace_id {{text}} NOT NULL,
  tries BIGINT NOT NULL
){{without_rowid}};
