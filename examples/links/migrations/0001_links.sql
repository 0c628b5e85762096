-- One text for SQLite and Postgres: typed columns, no AUTOINCREMENT, times as text in UTC.
CREATE TABLE links (
  slug TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE clicks (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL,
  day TEXT NOT NULL,
  referrer TEXT NOT NULL
);

CREATE INDEX clicks_by_slug_and_day ON clicks (slug, day);
