/** Who is in a room: one entry for each socket, which expires if the socket is not heard of. */
import type { StrongKv } from 'unmoor'
import type { Person } from './protocol.ts'

/** Seconds until an entry expires. The page says every 45 s that it is there, so one loss does no harm. */
const TTL = 120
/** Number of people that are listed: they fit into one message of a socket. */
const MAX_LISTED = 100

const keyOf = (room: string, id: string): string => `${room}/${id}`

/** Enters somebody into a room, or says that they are still there. */
export async function enter(present: StrongKv, room: string, { id, name }: Person): Promise<void> {
  await present.put(keyOf(room, id), '', { ttl: TTL, metadata: name })
}

export async function leave(present: StrongKv, room: string, { id }: Person): Promise<void> {
  await present.delete(keyOf(room, id))
}

/** Returns who is in a room. */
export async function peopleIn(
  present: StrongKv,
  room: string,
): Promise<{ people: Person[]; hasMore: boolean }> {
  const prefix = keyOf(room, '')
  const { keys, complete } = await present.list<string>({ prefix, limit: MAX_LISTED })
  const people = keys.map(({ name, metadata }) => ({ id: name.slice(prefix.length), name: metadata ?? '' }))
  return { people, hasMore: !complete }
}
