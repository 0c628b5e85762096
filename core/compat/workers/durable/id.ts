import { Md5, toHex } from '../md5.ts'

/** Cloudflare's DurableObjectId: the id of a Durable Object and, if known, its name. */
export class DurableObjectId {
  readonly name?: string
  #hex: string

  constructor(hex: string, name?: string) {
    this.#hex = hex
    if (name !== undefined) this.name = name
  }

  toString(): string {
    return this.#hex
  }

  equals(other: DurableObjectId): boolean {
    return String(other) === this.#hex
  }
}

function hash(text: string): string {
  const md5 = new Md5()
  md5.update(new TextEncoder().encode(text))
  return toHex(md5.digest())
}

/**
 * Appends 16 digits to a Durable Object's id that depend on its class, so that an id of another class is
 * refused.
 */
function mark(className: string, start: string): string {
  return start + hash(`mark\0${className}\0${start}`).slice(0, 16)
}

/** Returns the Durable Object id of a name, which never changes. */
export function idFromName(className: string, name: string): DurableObjectId {
  const start = (hash(`1\0${className}\0${name}`) + hash(`2\0${className}\0${name}`)).slice(0, 48)
  return new DurableObjectId(mark(className, start), name)
}

export function newUniqueId(className: string): DurableObjectId {
  return new DurableObjectId(mark(className, toHex(crypto.getRandomValues(new Uint8Array(24)))))
}

/** Parses the id of a Durable Object. @throws `TypeError` as on Workers. */
export function idFromString(className: string, text: string): DurableObjectId {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new TypeError('Invalid Durable Object ID: must be 64 hex digits')
  const hex = text.toLowerCase()
  if (mark(className, hex.slice(0, 48)) !== hex)
    throw new TypeError('Durable Object ID is not valid for this namespace.')
  return new DurableObjectId(hex)
}
