-- Who did what: the audit log. `hash` covers the entry and the hash of the one before it; of what can be erased (`origin`,
-- `changes`) it covers the salted digests, so that the chain holds when those are set to NULL. Nothing else is ever changed.
CREATE TABLE audit_entries (
  workspace_id {{text}} NOT NULL,
  sequence BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  action {{text}} NOT NULL,
  result BIGINT NOT NULL,
  actor_id {{text}} NOT NULL,
  on_behalf_of {{text}} NOT NULL,
  credential_type BIGINT NOT NULL,
  credential_id {{text}} NOT NULL,
  subject_kind {{text}} NOT NULL,
  subject_id {{text}} NOT NULL,
  method {{text}} NOT NULL,
  request_id {{text}} NOT NULL,
  reason BIGINT NOT NULL,
  origin_digest {{blob}} NOT NULL,
  changes_digest {{blob}} NOT NULL,
  hash {{blob}} NOT NULL,
  origin {{blob}},
  changes {{blob}},
  PRIMARY KEY (workspace_id, sequence)
);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, workspace_id, sequence);
CREATE INDEX audit_entries_action ON audit_entries (workspace_id, action, sequence);
CREATE INDEX audit_entries_subject ON audit_entries (subject_id, workspace_id, sequence);
CREATE INDEX audit_entries_kind ON audit_entries (workspace_id, subject_kind, sequence);
CREATE INDEX audit_entries_credential ON audit_entries (credential_id, workspace_id, sequence);
CREATE INDEX audit_entries_refused ON audit_entries (workspace_id, sequence) WHERE result <> 1;
CREATE INDEX audit_entries_time ON audit_entries (workspace_id, at_ms, sequence);

-- The newest entry of each workspace.
CREATE TABLE audit_heads (
  workspace_id {{text}} PRIMARY KEY,
  sequence BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  hash {{blob}} NOT NULL
);

{{sqlite}} CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'){{semicolon}} END;

{{sqlite}} CREATE TRIGGER audit_entries_unchanged BEFORE UPDATE ON audit_entries
WHEN NEW.workspace_id <> OLD.workspace_id OR NEW.sequence <> OLD.sequence OR NEW.at_ms <> OLD.at_ms
  OR NEW.action <> OLD.action OR NEW.result <> OLD.result OR NEW.actor_id <> OLD.actor_id
  OR NEW.on_behalf_of <> OLD.on_behalf_of OR NEW.credential_type <> OLD.credential_type
  OR NEW.credential_id <> OLD.credential_id OR NEW.subject_kind <> OLD.subject_kind
  OR NEW.subject_id <> OLD.subject_id OR NEW.method <> OLD.method OR NEW.request_id <> OLD.request_id
  OR NEW.reason <> OLD.reason OR NEW.origin_digest <> OLD.origin_digest
  OR NEW.changes_digest <> OLD.changes_digest OR NEW.hash <> OLD.hash
  OR (NEW.origin IS NOT NULL AND NEW.origin IS NOT OLD.origin)
  OR (NEW.changes IS NOT NULL AND NEW.changes IS NOT OLD.changes)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'){{semicolon}} END;

{{postgres}} CREATE FUNCTION audit_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS $audit$
BEGIN RAISE EXCEPTION 'the audit log is append-only'{{semicolon}} END{{semicolon}} $audit$;

{{postgres}} CREATE TRIGGER audit_entries_kept BEFORE DELETE OR TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_refuse();

{{postgres}} CREATE TRIGGER audit_entries_unchanged BEFORE UPDATE ON audit_entries
FOR EACH ROW WHEN (NEW.workspace_id <> OLD.workspace_id OR NEW.sequence <> OLD.sequence
  OR NEW.at_ms <> OLD.at_ms OR NEW.action <> OLD.action OR NEW.result <> OLD.result
  OR NEW.actor_id <> OLD.actor_id OR NEW.on_behalf_of <> OLD.on_behalf_of
  OR NEW.credential_type <> OLD.credential_type OR NEW.credential_id <> OLD.credential_id
  OR NEW.subject_kind <> OLD.subject_kind OR NEW.subject_id <> OLD.subject_id
  OR NEW.method <> OLD.method OR NEW.request_id <> OLD.request_id OR NEW.reason <> OLD.reason
  OR NEW.origin_digest <> OLD.origin_digest OR NEW.changes_digest <> OLD.changes_digest
  OR NEW.hash <> OLD.hash OR (NEW.origin IS NOT NULL AND NEW.origin IS DISTINCT FROM OLD.origin)
  OR (NEW.changes IS NOT NULL AND NEW.changes IS DISTINCT FROM OLD.changes))
EXECUTE FUNCTION audit_entries_refuse();
