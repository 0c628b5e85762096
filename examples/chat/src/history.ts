/** The messages and rooms in the database. */
import { sql, type Sql } from 'unmoor'
import type { Member } from './bindings.ts'
import type { HistoryPage, Place, Said } from './protocol.ts'

const PAGE = 50
/** Bytes of a page of messages as JSON: below the 32,768 of a message of a socket, with room for the rest. */
const PAGE_BYTES = 30_000

interface Row {
  id: string
  name: string
  text: string
  sent_at: number
}

/**
 * Stores a message and returns it as it is stored. A message that the same person has sent before is stored
 * once; an id that belongs to another message returns undefined.
 */
export async function store(
  history: Sql,
  { name, room }: Member,
  id: string,
  text: string,
): Promise<Said | undefined> {
  const now = Date.now()
  await history.batch([
    sql`INSERT INTO messages (id, room, name, text, sent_at)
      VALUES (${id}, ${room}, ${name}, ${text}, ${now}) ON CONFLICT (id) DO NOTHING`,
    sql`INSERT INTO rooms (name, last_message_at) VALUES (${room}, ${now})
      ON CONFLICT (name) DO UPDATE SET last_message_at = ${now}`,
  ])
  const row = await history.first<Row>(
    sql`SELECT id, name, text, sent_at FROM messages
      WHERE id = ${id} AND room = ${room} AND name = ${name} AND text = ${text}`,
  )
  return row === null ? undefined : toSaid(row)
}

/** Returns the last messages of a room, or those before a place: as many as fit into one message. */
export async function page(history: Sql, room: string, before?: Place): Promise<HistoryPage> {
  const rows = await history.all<Row>(
    before === undefined
      ? sql`SELECT id, name, text, sent_at FROM messages
          WHERE room = ${room} ORDER BY sent_at DESC, id DESC LIMIT ${PAGE + 1}`
      : sql`SELECT id, name, text, sent_at FROM messages
          WHERE room = ${room}
            AND (sent_at < ${before.sentAt} OR (sent_at = ${before.sentAt} AND id < ${before.id}))
          ORDER BY sent_at DESC, id DESC LIMIT ${PAGE + 1}`,
  )
  const messages: Said[] = []
  let bytes = 0
  for (const row of rows.slice(0, PAGE)) {
    const message = toSaid(row)
    bytes += new TextEncoder().encode(JSON.stringify(message)).length + 1
    if (bytes > PAGE_BYTES) break
    messages.push(message)
  }
  return { messages: messages.toReversed(), hasMore: messages.length < rows.length }
}

/** Returns the rooms with the newest messages, at most 50. */
export async function lastRooms(history: Sql): Promise<string[]> {
  const rows = await history.all<{ name: string }>(
    sql`SELECT name FROM rooms ORDER BY last_message_at DESC, name LIMIT 50`,
  )
  return rows.map(({ name }) => name)
}

/** Deletes messages, and rooms without newer ones, that are older than `days` days. */
export async function deleteOld(history: Sql, now: number, days: number): Promise<void> {
  if (!Number.isInteger(days) || days < 1)
    throw new Error(`RETENTION_DAYS must be a whole number of days, not "${days}".`)
  const first = now - days * 86_400_000
  await history.batch([
    sql`DELETE FROM messages WHERE sent_at < ${first}`,
    sql`DELETE FROM rooms WHERE last_message_at < ${first}`,
  ])
}

function toSaid({ id, name, text, sent_at: sentAt }: Row): Said {
  return { id, name, text, sentAt }
}
