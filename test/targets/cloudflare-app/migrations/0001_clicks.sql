CREATE TABLE clicks (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, n BIGINT, data BLOB);
CREATE INDEX clicks_slug ON clicks (slug);
