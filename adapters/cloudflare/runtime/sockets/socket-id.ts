/** Ids of sockets: the number of the object that holds the socket, and random bytes. */

const ID = /^(\d{1,3})\.[\w-]{16}$/
const ID_BYTES = 12

/** A fresh id of a socket that the object `shard` is going to hold. */
export function newSocketId(shard: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES))
  const text = btoa(String.fromCharCode(...bytes))
  return `${shard}.${text.replaceAll('+', '-').replaceAll('/', '_')}`
}

/** The object that an id names; undefined for what is no id. */
export function shardOf(id: string): number | undefined {
  const shard = ID.exec(id)?.[1]
  return shard === undefined ? undefined : Number(shard)
}
