/**
 * All rules of `unmoor check` by stable id: the title, and the advice for findings that have none of their
 * own.
 */
export const RULES = {
  'import-builtin': {
    title: 'A Node built-in that the target lacks',
    instead: 'Use the web API or a binding, replace the package, or leave the target out.',
  },
  'import-missing': {
    title: 'An import that nothing answers',
    instead: 'Install the package, or correct the path.',
  },
  'import-addon': {
    title: 'A native addon',
    instead:
      'Use a package in JavaScript or WebAssembly, or leave the target out: node and lambda install such ' +
      'packages beside the bundle.',
  },
  'import-dynamic': {
    title: 'An import whose module is known only at run time',
    instead: 'Import a literal path: an artifact holds only the modules that its build saw.',
  },
  'global-missing': {
    title: 'A global that the target lacks',
    instead: 'Use what the web platform has on every target.',
  },
  'global-io': {
    title: 'I/O, timers or random values outside of a handler',
    instead: 'Do it in the handler, or at its first call.',
  },
  'code-eval': { title: 'Code made from text', instead: 'Write the code as a function, or bundle it.' },
  'code-wasm': {
    title: 'WebAssembly compiled from bytes',
    instead: "Import the file: import module from './x.wasm'.",
  },
  'worker-config': {
    title: 'A setting of a wrangler file that no other target has',
    instead: 'See what the message names; the rest of the Worker runs without it.',
  },
  'worker-only-cloudflare': {
    title: 'What a Worker can use on Cloudflare alone',
    instead: 'See what the message names; code that is never reached elsewhere can stay with --allow.',
  },
  'worker-target': { title: 'A Worker that the target cannot run', instead: 'Leave the target out.' },
  'app-load': { title: 'An app whose declarations do not load', instead: 'Mend what the message names.' },
  'app-driver': {
    title: 'A binding without a driver on the target',
    instead: 'Name a driver in unmoor.config.ts.',
  },
  'body-encoding': {
    title: 'An option of Workers for the encoding of bodies',
    instead:
      'Leave it out: bytes that the app labels with content-encoding go out as they are, and fetch hands out ' +
      'decoded answers, on every target.',
  },
  'null-body': {
    title: 'A body with a status that has none',
    instead: 'Give null: `new Response(null, { status: 204 })`, in Hono `c.body(null, 204)`.',
  },
  'binding-native': {
    title: "The platform's own binding",
    instead: 'Use the portable method, or guard it by the target.',
  },
  'form-parts': {
    title: 'A form, which the target reads in another way',
    instead:
      'Take a field that is no File, or a File of size 0, for no file; do not rely on the type of a file. ' +
      'Where that is so, silence this.',
  },
  'kv-ttl': {
    title: 'A time to live under the portable minimum',
    instead: 'Give 60 seconds or more, and keep an exact expiry in the value.',
  },
  'kv-option': {
    title: 'An option that kv does not have',
    instead: 'The options are ttl, expiration and metadata.',
  },
  'kv-key': {
    title: 'A key that a kv cannot hold',
    instead: 'Keys are 1 to 512 bytes of well-formed text, not "." or "..": store a hash of a longer one.',
  },
  'kv-value': { title: 'A value over the limit of a kv', instead: 'Put it in a blob and store its key.' },
  'kv-metadata': { title: 'Metadata over the limit of a kv', instead: 'Put it into the value.' },
  'kv-list': {
    title: 'More keys than a kv gives at once',
    instead: 'Ask for 1,000 or fewer and go on with the cursor.',
  },
  'kv-get-many': { title: 'More keys than a kv reads at once', instead: 'Ask for 100 at a time.' },
  'kv-strong': {
    title: 'A conditional write on a plain kv',
    instead: "Declare it as kv({ consistency: 'strong' }).",
  },
  'blob-key': {
    title: 'A key that a blob store cannot hold',
    instead: 'Keys are 1 to 1,024 bytes of well-formed text.',
  },
  'blob-metadata': {
    title: 'Metadata over the limit of a blob store',
    instead: 'Put it into a kv or sql binding under the same key.',
  },
  'blob-capability': {
    title: 'A method of blobs that the target lacks',
    instead: 'Put the whole body as a stream; serve the blob by a route of the app.',
  },
  'blob-list': {
    title: 'More keys than a blob store gives at once',
    instead: 'Ask for 1,000 or fewer and go on with the cursor.',
  },
  'queue-delay': {
    title: "A delay over the queue's limit",
    instead:
      'Send it with 900 seconds or fewer and again from the consumer, or let a cron look for what is due.',
  },
  'queue-message': {
    title: "A message over the queue's limit",
    instead: 'Put the data in a blob and send its key.',
  },
  'queue-batch': { title: 'More messages than one batch takes', instead: 'Send 100 at a time.' },
  'queue-option': {
    title: 'An option of a queue outside of its range',
    instead: 'See the ranges of queue({ ... }).',
  },
  'sockets-capability': {
    title: 'Sockets, or an option of them, that the target lacks',
    instead: 'Send text of at most 32,768 bytes (bytes as base64), or leave the target out.',
  },
  'sockets-origins': {
    title: 'Sockets whose pages are of another host',
    instead: "Name them: sockets({ origins: ['https://example.com'] }). If no page connects, silence this.",
  },
  'sockets-message': {
    title: 'A message or topic over the limit of sockets',
    instead: 'Send parts, or the key of a blob; a topic has at most 128 bytes.',
  },
  'cron-weekday': {
    title: 'A weekday by number',
    instead: 'Write SUN, MON, ... SAT: 1 is Sunday on Cloudflare and EventBridge, and Monday elsewhere.',
  },
  'cron-day-and-weekday': {
    title: 'A day of the month together with a weekday',
    instead: 'Use two crons: platforms disagree whether both must hold or either.',
  },
  'cron-schedule': {
    title: 'A schedule that is not portable',
    instead: 'Write five fields in UTC: minute, hour, day of the month, month, weekday by name.',
  },
  'env-undeclared': {
    title: 'A name of process.env that the app does not declare',
    instead:
      'Declare it in defineBindings as variable() or secret(): process.env then has it on every target, ' +
      'from the platform’s own settings and from .env.',
  },
  'secret-missing': { title: 'A secret or variable without a value', instead: 'Add it to the env file.' },
  'size-bundle': {
    title: 'A bundle over the platform’s limit',
    instead: 'Leave out what is not needed at run time.',
  },
  'size-asset': { title: 'Assets over the platform’s limits', instead: 'Serve it from a blob binding.' },
  'size-unread': {
    title: 'A module of a package that is too large to be read',
    instead:
      'Run the tests of the app on each target (unmoor test); where they pass, silence this for the ' +
      'package in unmoor.config.ts.',
  },
  'sql-syntax': { title: 'A statement that cannot be read', instead: 'Close what is open.' },
  'sql-multiple': { title: 'Several statements in one call', instead: 'Use batch() with one each.' },
  'sql-transaction': {
    title: 'A transaction that the target lacks',
    instead: 'Use batch(): all of its statements are one transaction.',
  },
  'sql-each': {
    title: 'A loop over rows that the target lacks',
    instead: 'Read pages with WHERE id > ? ORDER BY id LIMIT ?.',
  },
  'sql-statement': {
    title: 'A statement that a binding does not take',
    instead: "It is the driver's own business.",
  },
  'sql-params': {
    title: 'More parameters than a statement takes',
    instead: 'Split the statement, or pass JSON text as one parameter.',
  },
  'sql-size': { title: 'A statement over a limit', instead: 'Split it.' },
  'sql-like-pattern': { title: 'A LIKE pattern over the limit of D1', instead: 'Shorten it to 50 bytes.' },
  'sql-placeholder-in-quotes': {
    title: 'A placeholder within quotes',
    instead: 'Bind the whole value: name LIKE ?, with `%${text}%` as its parameter.',
  },
  'sql-placeholder': {
    title: 'A placeholder by name',
    instead: 'Write ? (the next parameter) or ?2 (the second).',
  },
  'sql-insert-or': {
    title: 'INSERT OR ..., REPLACE',
    instead: 'Write INSERT ... ON CONFLICT (column) DO UPDATE SET ... or DO NOTHING.',
  },
  'sql-autoincrement': {
    title: 'A counter of one engine',
    instead: 'Use a text key from crypto.randomUUID(), or a migration per dialect.',
  },
  'sql-row-key': {
    title: 'A key that SQLite alone fills in',
    instead:
      'Give the key with each INSERT, use a text key from crypto.randomUUID(), or a migration per dialect. ' +
      'Where each INSERT gives it, silence this.',
  },
  'sql-date': {
    title: 'A date function of one engine',
    instead: 'Bind the time as a number or as ISO text.',
  },
  'sql-function': {
    title: 'A function of one engine',
    instead: 'Do it in the app, or branch on env.db.dialect.',
  },
  'sql-double-quotes': {
    title: 'Text in double quotes',
    instead: "Write text in single quotes: 'text'. Double quotes are for names.",
  },
  'sql-quoted-name': {
    title: 'A name in backticks or brackets',
    instead: 'Write names plainly, or in double quotes.',
  },
  'sql-like-case': {
    title: 'LIKE on text with letters',
    instead:
      'Compare lower case on both sides: LOWER(name) LIKE LOWER(?). SQLite ignores the case of ASCII ' +
      'letters, Postgres does not.',
  },
  'sql-limit': {
    title: 'LIMIT or OFFSET as one engine has it',
    instead:
      'Leave LIMIT out for all rows; give a LIMIT with every OFFSET; limit an UPDATE or DELETE by a ' +
      'subquery.',
  },
  'sql-boolean': {
    title: 'A truth value compared with a number',
    instead: 'Store 0 and 1 in an INTEGER column, or compare with TRUE and FALSE only.',
  },
  'sql-type': {
    title: 'A column type of one engine',
    instead: 'Use TEXT, INTEGER, BIGINT, DOUBLE PRECISION, or a migration per dialect.',
  },
  'sql-untyped-column': { title: 'A column without a type', instead: 'Give it a type: Postgres needs one.' },
  'sql-integer': {
    title: 'A time in a column of 32 bits',
    instead: 'Use BIGINT: INTEGER holds 32 bits on Postgres, too few for milliseconds.',
  },
  'sql-table-option': {
    title: 'STRICT or WITHOUT ROWID',
    instead: 'Leave it out, or use a migration per dialect.',
  },
  'sql-rowid': { title: "SQLite's hidden row id", instead: 'Give the table a key of its own.' },
  'sql-name-case': {
    title: 'A name in mixed case without quotes',
    instead:
      'Write it in snake_case, or in double quotes: Postgres makes it lower case, and rows then have ' +
      'another key.',
  },
  'sql-operator': { title: 'An operator of one engine', instead: 'Use =, <>, IS NULL, LIKE.' },
  'sql-clause': {
    title: 'A clause of one engine',
    instead: 'Use the subset that SQLite and Postgres share, or branch on env.db.dialect.',
  },
  'sql-collate': { title: 'A collation of one engine', instead: 'Compare LOWER(...) on both sides.' },
  'ignore-reason': {
    title: 'A silencing comment without a reason',
    instead: 'Write: // unmoor-ignore RULE: why it is fine here',
  },
  'ignore-unused': {
    title: 'A silencing comment that silences nothing',
    instead: 'Remove it, or correct the rule that it names.',
  },
} as const satisfies Record<string, { title: string; instead: string }>

/** Id of a rule of `unmoor check`. */
export type RuleId = keyof typeof RULES

/** True if `id` is the id of a rule of `unmoor check`. */
export function isRule(id: string): id is RuleId {
  return Object.hasOwn(RULES, id)
}
