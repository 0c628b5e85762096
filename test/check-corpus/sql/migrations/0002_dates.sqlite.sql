CREATE TABLE dates (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT DEFAULT (datetime('now')));
CREATE TABLE more (id BIGSERIAL); -- expect: sql-autoincrement
