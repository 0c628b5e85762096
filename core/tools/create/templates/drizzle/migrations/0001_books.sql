CREATE TABLE books (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  author TEXT NOT NULL,
  is_read INTEGER NOT NULL,
  added_at BIGINT NOT NULL
);
