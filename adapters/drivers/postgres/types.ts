/**
 * How values are converted to and from Postgres. The server infers a parameter's type from its position (a
 * column, a function's argument), so that indexes are used and `INSERT` converts as usual; the JavaScript
 * value is then written in that type's text form. If nothing determines the type (`SELECT ?`), Postgres
 * assumes text: write `CAST(? AS INTEGER)`.
 *
 * Results: bool becomes a boolean; int2, int4, float4, float8 and oid a number; int8 and whole numeric a
 * number if it is safe, else an error; other numeric the nearest number, as SQLite's REAL (select CAST(... AS
 * TEXT) for exact decimals); bytea a Uint8Array; timestamps text in RFC 3339 form; everything else Postgres's
 * own text.
 */
import type postgres from 'postgres'

/** Object ids of Postgres's built-in types (`pg_type.oid`). */
const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  jsonb: 3802,
} as const

/**
 * Postgres column types that may hold an integer too large for a number; the parser then returns a bigint.
 */
export const MAY_BE_UNSAFE: ReadonlySet<number> = new Set([OID.int8, OID.numeric])

/**
 * Values that the parser and the serializer of Postgres types handle; the driver never passes them `null`.
 */
type Written = string | number | boolean | Uint8Array

const text = (value: Written): string => String(value)
const number = (value: Written): string => (typeof value === 'boolean' ? (value ? '1' : '0') : String(value))
const same = (value: string): string => value

/**
 * The `types` option of postgres.js. It names every type that postgres.js would otherwise parse or write in
 * its own way.
 */
export const types: Record<string, postgres.PostgresType> = {
  string: { to: 25, from: [], serialize: text, parse: same },
  number: {
    to: OID.int4,
    from: [OID.int2, OID.int4, OID.oid, OID.float4, OID.float8],
    serialize: number,
    parse: Number,
  },
  integer: { to: OID.int8, from: [OID.int8, OID.numeric], serialize: number, parse: integerOrNumber },
  boolean: { to: OID.bool, from: [OID.bool], serialize: text, parse: (value: string) => value === 't' },
  bytea: {
    to: OID.bytea,
    from: [OID.bytea],
    serialize: bytes,
    parse: (value: string) => new Uint8Array(Buffer.from(value.slice(2), 'hex')),
  },
  json: { to: OID.json, from: [OID.json, OID.jsonb], serialize: text, parse: same },
  date: { to: OID.date, from: [OID.date], serialize: text, parse: same },
  timestamp: {
    to: OID.timestamptz,
    from: [OID.timestamp, OID.timestamptz],
    serialize: text,
    parse: timestamp,
  },
}

/** Parses a number from Postgres; returns a bigint if a number would round a whole value. */
function integerOrNumber(value: string): number | bigint {
  const parsed = Number(value)
  // Postgres writes a whole value of a numeric column with a scale as `5.00`.
  if (!Number.isInteger(parsed) || Number.isSafeInteger(parsed)) return parsed
  return /^-?\d+(?:\.0*)?$/.test(value) ? BigInt(value.replace(/\..*$/, '')) : parsed
}

function bytes(value: Written): string {
  return `\\x${Buffer.from(typeof value === 'object' ? value : String(value)).toString('hex')}`
}

/**
 * Converts Postgres's timestamp `2026-11-23 08:26:38.5+00` to `2026-11-23T08:26:38.5Z`; `infinity` and years
 * BC stay as they are.
 */
function timestamp(value: string): string {
  const match = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:?\d\d)?)?$/.exec(value)
  if (match === null) return value
  const [, date, time, hours, minutes] = match
  const zone =
    hours === undefined ? '' : hours === '+00' && minutes === undefined ? 'Z' : `${hours}${minutes ?? ':00'}`
  return `${date}T${time}${zone}`
}
