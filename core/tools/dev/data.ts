/** Operations of the page of `unmoor dev` on the app's data and crons, by the data route of the dev build. */
import { nextTime } from '../../../adapters/node-server/runtime/crons/scheduler.ts'
import type { SqlCell } from '../../bindings/drivers.ts'
import type { SqlRawResult } from '../../bindings/sql-session.ts'
import { invalidArgument } from '../../errors.ts'
import type { DataEntry } from '../../runtime/data-route.ts'
import type { ListedCron } from '../../runtime/data-route-crons.ts'
import type { ListedQueue } from '../../runtime/data-route-queues.ts'
import type { ShownMessage } from '../../runtime/operable-queue.ts'
import { QUEUE_OPERATIONS } from '../../runtime/queue-operations.ts'
import { encodeValue } from '../../runtime/rpc.ts'
import { type Arguments, numberOf, optionalText, textOf, textsOf } from './arguments.ts'
import type { RunningApp } from './running.ts'

/** Entries of one page of a list. */
const PAGE = 100
/** Rows of an answer that the page shows. */
const ROWS = 500
/** Bytes of a kv value up to which the page edits it. */
const EDITABLE = 1024 * 1024

/** One operation that the page asks for: takes its arguments, and resolves to JSON. */
export type Operation = (given: Arguments) => Promise<unknown>

/** Bytes for the page: text if they are UTF-8, else base64. */
interface ShownBytes {
  text?: string
  base64?: string
  size: number
}

/** Returns the operations on the data and the crons of the app that `unmoor dev` runs. */
export function dataOperations(running: RunningApp): Record<string, Operation> {
  const call = async (request: Parameters<Route['call']>[0]): Promise<unknown> =>
    (await running.ready()).route.call(request)
  return {
    'data.bindings': () => bindings(running),
    'kv.list': (given) =>
      call({
        op: 'kv.list',
        binding: textOf(given, 'binding'),
        limit: PAGE,
        ...some('prefix', optionalText(given, 'prefix')),
        ...some('cursor', optionalText(given, 'cursor')),
      }),
    'kv.get': async (given) => {
      const keys = [textOf(given, 'key')]
      const found = await call({ op: 'kv.get', binding: textOf(given, 'binding'), keys })
      const [entry] = found as DataEntry[]
      if (entry === undefined) return null
      const { key, value, metadata, expiration } = entry
      return { key, ...shownBytes(value), metadata: metadata ?? null, expiration: expiration ?? null }
    },
    'kv.put': async (given) => {
      const entry = { key: textOf(given, 'key'), value: bytesOf(given), ...entryOptions(given) }
      await call({ op: 'kv.put', binding: textOf(given, 'binding'), entries: await encodeValue([entry]) })
      return null
    },
    'kv.delete': async (given) => {
      await call({ op: 'kv.delete', binding: textOf(given, 'binding'), key: textOf(given, 'key') })
      return null
    },
    'blob.list': async (given) => {
      const startAfter = optionalText(given, 'startAfter')
      const binding = textOf(given, 'binding')
      return call({ op: 'blob.list', binding, limit: PAGE, ...some('startAfter', startAfter) })
    },
    'blob.delete': async (given) => {
      await call({ op: 'blob.delete', binding: textOf(given, 'binding'), keys: [textOf(given, 'key')] })
      return null
    },
    'sql.query': (given) => query(call, given),
    'queue.list': async () =>
      ((await call({ op: 'queue.list' })) as ListedQueue[]).map((queue) => ({
        ...queue,
        operations: QUEUE_OPERATIONS[queue.driver] ?? null,
      })),
    'queue.peek': async (given) => {
      const queue = textOf(given, 'queue')
      const limit = numberOf(given, 'limit', 20)
      const messages = await call({ op: 'queue.peek', queue, limit, full: given['full'] === true })
      return (messages as ShownMessage[]).map(({ body, size, ...message }) => ({
        ...message,
        ...(typeof body === 'string' ? { text: body } : shownBytes(body)),
        size,
      }))
    },
    'queue.replay': (given) => {
      const ids = given['ids'] === undefined ? {} : { ids: textsOf(given, 'ids') }
      return call({
        op: 'queue.replay',
        queue: textOf(given, 'queue'),
        limit: numberOf(given, 'limit', 100),
        ...ids,
      })
    },
    'queue.purge': async (given) =>
      (await call({ op: 'queue.purge', queue: textOf(given, 'queue') })) ?? null,
    'cron.list': async () => {
      const now = Date.now()
      return ((await call({ op: 'cron.list' })) as ListedCron[]).map(({ name, schedule }) => ({
        name,
        schedule,
        next: nextTime(schedule, now) ?? null,
      }))
    },
    'cron.run': (given) => call({ op: 'cron.run', name: textOf(given, 'name') }),
  }
}

type Route = Awaited<ReturnType<RunningApp['ready']>>['route']

/** Returns the app's own bindings with their drivers. */
async function bindings(running: RunningApp): Promise<unknown> {
  const { info, route } = await running.ready()
  const declared = (await route.call({ op: 'bindings' })) as Record<
    string,
    { kind: string; dialect?: string }
  >
  return Object.entries(declared).map(([name, { kind, dialect = null }]) => ({
    name,
    kind,
    driver: info.drivers[name]?.driver ?? null,
    dialect,
  }))
}

async function query(call: (request: never) => Promise<unknown>, given: Arguments): Promise<unknown> {
  const text = textOf(given, 'text')
  const request = { op: 'sql.raw', binding: textOf(given, 'binding'), text, params: await encodeValue([]) }
  const { columns, rows, ...result } = (await call(request as never)) as SqlRawResult
  return {
    ...result,
    columns,
    count: rows.length,
    rows: rows.slice(0, ROWS).map((row) => row.map(shownCell)),
  }
}

function shownCell(cell: SqlCell): string | number | boolean | null {
  return cell instanceof Uint8Array ? `x'${Buffer.from(cell).toString('hex')}'` : cell
}

function some<Name extends string>(name: Name, value: string | undefined): { [name in Name]?: string } {
  return (value === undefined || value === '' ? {} : { [name]: value }) as { [name in Name]?: string }
}

function shownBytes(bytes: Uint8Array): ShownBytes {
  const size = bytes.byteLength
  if (size > EDITABLE) return { size }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), size }
  } catch {
    return { base64: Buffer.from(bytes).toString('base64'), size }
  }
}

function bytesOf(given: Arguments): Uint8Array<ArrayBuffer> {
  const base64 = optionalText(given, 'base64')
  if (base64 === undefined) return new TextEncoder().encode(textOf(given, 'text'))
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  if (Buffer.from(bytes).toString('base64') !== base64.trim())
    throw invalidArgument({ operation: 'dev' }, 'The value is no base64.')
  return bytes
}

function entryOptions(given: Arguments): Pick<DataEntry, 'metadata' | 'expiration'> {
  const metadata = optionalText(given, 'metadata')
  const expiration = given['expiration'] ?? undefined
  if (metadata !== undefined && metadata !== '')
    try {
      JSON.parse(metadata)
    } catch (cause) {
      throw invalidArgument({ operation: 'dev' }, `The metadata is no JSON: ${(cause as Error).message}.`)
    }
  return {
    ...(metadata === undefined || metadata === '' ? {} : { metadata }),
    ...(expiration === undefined ? {} : { expiration: numberOf(given, 'expiration', 0) }),
  }
}
