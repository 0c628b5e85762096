/**
 * Header fields of one connection or of one message's framing (RFC 9110, section 7.6.1). The sender of a
 * message sets them itself, so they are neither copied from another message nor accepted from an app.
 */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Matches a decimal content-length that a double holds exactly. */
const LENGTH = /^\d{1,15}$/

/** Returns a content-length that is a plain number; undefined for any other value. */
export function plainLength(value: string | null | undefined): string | undefined {
  return value !== undefined && value !== null && LENGTH.test(value) ? value : undefined
}

/**
 * Returns the raw headers that may be forwarded with another message: without fields of the connection,
 * fields that `Connection` names, and the body's length.
 */
export function endToEndFields(raw: readonly string[]): string[] {
  const named = new Set<string>()
  for (let index = 0; index + 1 < raw.length; index += 2)
    if ((raw[index] as string).toLowerCase() === 'connection')
      for (const name of (raw[index + 1] as string).split(',')) named.add(name.trim().toLowerCase())
  const fields: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string
    const lower = name.toLowerCase()
    if (lower !== 'content-length' && !CONNECTION_FIELDS.has(lower) && !named.has(lower))
      fields.push(name, raw[index + 1] as string)
  }
  return fields
}
