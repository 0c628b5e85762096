CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  page TEXT NOT NULL,
  author TEXT NOT NULL,
  body TEXT NOT NULL CHECK (length(body) <= 2000),
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX comments_by_page ON comments (page, id);
