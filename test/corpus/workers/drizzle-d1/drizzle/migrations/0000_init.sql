CREATE TABLE IF NOT EXISTS `users` (`id` integer PRIMARY KEY NOT NULL, `name` text NOT NULL, `admin` integer DEFAULT false);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS `posts` (`id` integer PRIMARY KEY NOT NULL, `title` text NOT NULL, `author` integer REFERENCES `users`(`id`), `meta` text);
