/**
 * Finds the client of a request: the address at the other end of the connection, or the one that trusted
 * proxies report.
 */

/** The client of a request, in the shape of Hono's `getConnInfo`. */
export interface ClientInfo {
  /**
   * The client's address and port. Empty for crons and queues, and if the platform does not report the
   * client.
   */
  readonly remote: {
    /**
     * The client's address: IPv4, or IPv6 in its shortest form without brackets. An IPv4 address mapped into
     * IPv6 is reported as IPv4.
     */
    readonly address?: string
    readonly addressType?: 'IPv4' | 'IPv6'
    /** The client's port. Set only if the client itself is at the other end of the server's connection. */
    readonly port?: number
    readonly transport?: 'tcp'
  }
}

/**
 * Proxies whose `X-Forwarded-*` headers are trusted: none (`false`), the nearest proxy (`true`), a number of
 * proxies in a row, or proxies at these addresses (`10.0.0.0/8`, `::1`).
 */
export type TrustProxy = boolean | number | readonly string[]

/**
 * Request header by which an existing Worker knows its client. The target sets it to the address of
 * `ctx.client` and removes the client's own header of that name.
 */
export type ClientHeader = 'cf-connecting-ip'

/** {@link ClientInfo} of an event whose sender is unknown or does not exist. */
export const NO_CLIENT: ClientInfo = Object.freeze({ remote: Object.freeze({}) })

interface Address {
  readonly text: string
  readonly type: 'IPv4' | 'IPv6'
  /** The bytes of an IP address: 4 for IPv4, 16 for IPv6. */
  readonly bytes: readonly number[]
}

interface Range extends Pick<Address, 'bytes'> {
  readonly bits: number
}

/** Decides which proxies of incoming requests are trusted; built once from {@link TrustProxy}. */
export interface Trust {
  /** True if `peer`, the other end of a connection, is a trusted proxy. */
  trusts(peer: string | undefined): boolean
  /**
   * Returns the address of the client of a request from `peer` with this `X-Forwarded-For`. The list is read
   * from the right, where the nearest proxy writes; entries further left than trusted proxies reach are
   * claims of the client.
   */
  clientOf(peer: string | undefined, forwardedFor: string | null | undefined): string | undefined
}

/** Builds the {@link Trust} for the option `trustProxy`; undefined if no proxy is trusted. */
export function createTrust(trusted: TrustProxy | undefined): Trust | undefined {
  if (trusted === undefined || trusted === false || trusted === 0) return undefined
  if (typeof trusted === 'object') {
    const ranges = trusted.map(parseRange)
    const known = (peer: string | undefined): boolean => isWithin(parseAddress(peer), ranges)
    return { trusts: known, clientOf: (peer, list) => walk(peer, list, (_, address) => known(address)) }
  }
  const hops = trusted === true ? 1 : trusted
  return { trusts: () => true, clientOf: (peer, list) => walk(peer, list, (index) => index < hops) }
}

/**
 * Walks `X-Forwarded-For` from the right while the writer of each entry is trusted; `index` 0 is the peer,
 * the other end of the connection.
 */
function walk(
  peer: string | undefined,
  list: string | null | undefined,
  isTrusted: (index: number, address: string | undefined) => boolean,
): string | undefined {
  let client = peer
  let rest = list ?? ''
  for (let index = 0; rest !== '' && isTrusted(index, client); index++) {
    const comma = rest.lastIndexOf(',')
    const entry = parseAddress(withoutPort(rest.slice(comma + 1).trim()))
    // An `X-Forwarded-For` entry such as `unknown`, or a name that hides the client, ends the walk: no entry
    // to its left can be trusted.
    if (entry === undefined) break
    client = entry.text
    rest = rest.slice(0, Math.max(comma, 0))
  }
  return client
}

/** Strips the port that some proxies write into `X-Forwarded-For`: `1.2.3.4:5678`, `[::1]:80` and `[::1]`. */
function withoutPort(entry: string): string {
  if (entry.startsWith('[')) return entry.slice(1, entry.indexOf(']'))
  return entry.indexOf(':') === entry.lastIndexOf(':') ? entry.replace(/:\d+$/, '') : entry
}

/**
 * Removes the address of the peer (the other end of the connection) from the end of an `X-Forwarded-For`
 * list, where some platforms write it. The rest is the list that the peer sent.
 */
export function beforePeer(
  list: string | null | undefined,
  peer: string | undefined,
): { list: string; peer: string | undefined } {
  const text = list ?? ''
  const comma = text.lastIndexOf(',')
  const last = parseAddress(withoutPort(text.slice(comma + 1).trim()))?.text
  const own = peer === undefined ? last : parseAddress(peer)?.text
  return last === undefined || last !== own
    ? { list: text, peer }
    : { list: text.slice(0, Math.max(comma, 0)), peer: last }
}

/** Returns `ctx.client` for a client's IP address. Pass a port only if it is the client's own. */
export function clientInfo(address: string | undefined, port?: number): ClientInfo {
  const parsed = parseAddress(address)
  if (parsed === undefined) return NO_CLIENT
  return {
    remote: {
      address: parsed.text,
      addressType: parsed.type,
      ...(port === undefined ? {} : { port, transport: 'tcp' as const }),
    },
  }
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
/** Largest number of characters in the text of an IPv6 address that embeds an IPv4 address. */
const LONGEST = 45

function parseAddress(given: string | undefined): Address | undefined {
  if (given === undefined || given.length > LONGEST + 16) return undefined
  // The zone of an IPv6 address (`fe80::1%eth0`) is dropped: it names an interface of the receiver.
  const text = given.replace(/%.*$/, '')
  const four = IPV4.exec(text)
  if (four !== null) {
    const bytes = four.slice(1).map(Number)
    return bytes.every((byte) => byte < 256) ? { text: bytes.join('.'), type: 'IPv4', bytes } : undefined
  }
  if (!text.includes(':') || !/^[\da-f:.]+$/i.test(text)) return undefined
  const short = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1)
  if (short === undefined) return undefined
  const [before = '', after] = short.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  const bytes = groups.flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
  if (isMapped) return { text: bytes.slice(12).join('.'), type: 'IPv4', bytes: bytes.slice(12) }
  return { text: short, type: 'IPv6', bytes }
}

function parseRange(text: string): Range {
  const [, address, length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const parsed = parseAddress(address)
  const most = (parsed?.bytes.length ?? 0) * 8
  const bits = length === undefined ? most : Number(length)
  if (parsed === undefined || bits > most)
    throw new TypeError(
      `${JSON.stringify(text)} is no address and no range, such as "10.0.0.0/8" or "fd00::/8"`,
    )
  return { bytes: parsed.bytes, bits }
}

function isWithin(address: Address | undefined, ranges: readonly Range[]): boolean {
  return address !== undefined && ranges.some((range) => covers(range, address.bytes))
}

function covers({ bytes, bits }: Range, address: readonly number[]): boolean {
  if (bytes.length !== address.length) return false
  for (let at = 0; at * 8 < bits; at++) {
    const mask = bits - at * 8 >= 8 ? 255 : 256 - 2 ** (8 - (bits - at * 8))
    if (((bytes[at] as number) & mask) !== ((address[at] as number) & mask)) return false
  }
  return true
}

/** Returns what is wrong with a config's `trustProxy`; undefined if it is valid. */
export function trustProblem(given: unknown): string | undefined {
  if (typeof given === 'boolean') return undefined
  if (typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 100) return undefined
  if (!Array.isArray(given) || given.some((entry) => typeof entry !== 'string') || given.length === 0)
    return 'true, false, a number of proxies or a list of addresses and ranges'
  try {
    createTrust(given as string[])
    return undefined
  } catch (error) {
    return `a list of addresses and ranges: ${(error as Error).message}`
  }
}
