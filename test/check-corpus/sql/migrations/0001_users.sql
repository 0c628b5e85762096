CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- expect: sql-autoincrement
  name, -- expect: sql-untyped-column
  picture BLOB, -- expect: sql-type
  born DATETIME, -- expect: sql-type
  active BOOLEAN NOT NULL DEFAULT 1, -- expect: sql-boolean
  created_at INTEGER NOT NULL, -- expect: sql-integer
  displayName TEXT, -- expect: sql-name-case
  updated_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
) STRICT; -- expect: sql-table-option
CREATE TABLE counters (id BIGSERIAL PRIMARY KEY); -- expect: sql-autoincrement
-- unmoor-ignore sql-type: bytes are read on SQLite only
CREATE TABLE raw (id TEXT PRIMARY KEY, data BLOB);
CREATE TRIGGER log AFTER INSERT ON users BEGIN INSERT INTO raw (id) VALUES ('x'); END; -- expect: sql-clause
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); -- expect: sql-row-key
CREATE TABLE marks (
  id INTEGER NOT NULL, -- expect: sql-row-key
  note BIGINT,
  CONSTRAINT marks_key PRIMARY KEY (id)
);
CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b));
CREATE TABLE sizes (size BIGINT PRIMARY KEY, other INTEGER DEFAULT 0);
CREATE TABLE lines (id INTEGER PRIMARY KEY DEFAULT 7, n INTEGER REFERENCES notes (id));
-- unmoor-ignore sql-row-key: each INSERT gives it
CREATE TABLE given (id INTEGER PRIMARY KEY);
