import { sql, type Sql } from 'unmoor'

/** A person in a room, as a ticket and a socket carry it. */
export interface Member {
  name: string
  room: string
}

/** A message as the page gets it. */
export interface Message {
  id: string
  name: string
  text: string
  /** Milliseconds since 1970. */
  sentAt: number
}

export const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[\p{L}\p{N}][\p{L}\p{N} -]{0,31}$/u.test(value)

export const isText = (text: string): boolean =>
  text.trim() !== '' && text.length <= 500 && !/[\p{Cc}\p{Cs}]/u.test(text)

/** Stores a message and returns it. */
export async function store(history: Sql, { name, room }: Member, text: string): Promise<Message> {
  const message = { id: crypto.randomUUID(), name, text, sentAt: Date.now() }
  await history.run(
    sql`INSERT INTO messages (id, room, name, text, sent_at)
      VALUES (${message.id}, ${room}, ${name}, ${text}, ${message.sentAt})`,
  )
  return message
}

/** Returns a room's last messages, the oldest first: as many as fit into one message of a socket. */
export async function lastMessages(history: Sql, room: string): Promise<Message[]> {
  const rows = await history.all<{ id: string; name: string; text: string; sent_at: number }>(
    sql`SELECT id, name, text, sent_at FROM messages WHERE room = ${room}
      ORDER BY sent_at DESC, id DESC LIMIT 15`,
  )
  return rows.map(({ id, name, text, sent_at: sentAt }) => ({ id, name, text, sentAt })).toReversed()
}
