-- Imports: what came from where, and how far each has come.

-- `state` 1 and 2 are those that run. `archive_key` is '' once the archive's bytes are gone; `archive_until` is when those
-- of an ended import go.
CREATE TABLE imports (
  id {{text}} PRIMARY KEY,
  workspace_id {{text}} NOT NULL REFERENCES workspaces (id),
  state BIGINT NOT NULL,
  archive_key {{text}} NOT NULL,
  archive_until BIGINT NOT NULL,
  body {{blob}} NOT NULL
);
CREATE INDEX imports_list ON imports (workspace_id, id);
CREATE UNIQUE INDEX imports_running ON imports (workspace_id) WHERE state <= 2;
CREATE INDEX imports_archives ON imports (archive_until) WHERE archive_key <> '';

-- What became of the ids of a source. `done` 0: the id is kept for what is still to come. A row outlives what it names: what
-- was deleted here does not come back by another import.
CREATE TABLE import_ids (
  workspace_id {{text}} NOT NULL,
  source {{text}} NOT NULL,
  kind BIGINT NOT NULL,
  external_id {{text}} NOT NULL,
  new_id {{text}} NOT NULL,
  done BIGINT NOT NULL,
  PRIMARY KEY (workspace_id, source, kind, external_id)
){{without_rowid}};
CREATE INDEX import_ids_reserved ON import_ids (new_id) WHERE done = 0;

-- Erasures of actors: `stage` and `place` say how far each has come, `record` is the erasure of the contract. `state` 1 is
-- running, 2 done. `email` is the address that invites are looked through for, until they were.
CREATE TABLE erasures (
  id {{text}} PRIMARY KEY,
  actor_id {{text}} NOT NULL,
  workspace_id {{text}} NOT NULL,
  state BIGINT NOT NULL,
  stage BIGINT NOT NULL,
  place {{text}} NOT NULL,
  email {{text}} NOT NULL,
  record {{blob}} NOT NULL
);
CREATE INDEX erasures_actor ON erasures (actor_id, id);
CREATE INDEX erasures_running ON erasures (stage, id) WHERE state = 1;

-- Deleted workspaces. `stage` says what is being erased; 4: nothing is left but the row's id.
CREATE TABLE workspace_deletions (
  workspace_id {{text}} PRIMARY KEY,
  stage BIGINT NOT NULL
){{without_rowid}};
