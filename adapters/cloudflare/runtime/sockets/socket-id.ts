/** Ids of WebSockets: the number of the Durable Object that holds the socket, and random bytes. */

const ID = /^(\d{1,3})\.[\w-]{16}$/
const ID_BYTES = 12

/** Returns a fresh id for a WebSocket that the Durable Object `shard` will hold. */
export function newSocketId(shard: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES))
  const text = btoa(String.fromCharCode(...bytes))
  return `${shard}.${text.replaceAll('+', '-').replaceAll('/', '_')}`
}

/** Returns the shard number in a socket id; undefined if the text is no socket id. */
export function shardOf(id: string): number | undefined {
  const shard = ID.exec(id)?.[1]
  return shard === undefined ? undefined : Number(shard)
}
