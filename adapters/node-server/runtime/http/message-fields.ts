/**
 * Fields of one connection or of one message's framing (RFC 9110, section 7.6.1): whoever sends a message
 * decides on them, so they are copied from no other message and taken from no app.
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

/** Up to what a double holds exactly. */
const LENGTH = /^\d{1,15}$/

/** A content-length that is a plain number, else undefined. */
export function plainLength(value: string | null | undefined): string | undefined {
  return value !== undefined && value !== null && LENGTH.test(value) ? value : undefined
}

/**
 * What may be copied of a message's raw names and values to another message: no field of the connection, none
 * that its `Connection` names, no length of the body.
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
