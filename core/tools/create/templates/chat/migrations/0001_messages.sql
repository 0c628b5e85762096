-- One text for SQLite, D1 and Postgres. Times are milliseconds since 1970.
CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  sent_at BIGINT NOT NULL
);

CREATE INDEX messages_by_room ON messages (room, sent_at);
