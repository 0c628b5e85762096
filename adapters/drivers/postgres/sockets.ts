import { createHash, randomUUID } from 'node:crypto'
import type { DriverContext, DriverFactory, TicketedSocketsDriver } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { type Database, openDatabase } from './database.ts'
import type { PostgresStoreOptions } from './options.ts'

/**
 * Maximum bytes of a sockets text in the payload of a Postgres NOTIFY, with room for the address before the
 * text.
 */
const PAYLOAD = 7900
/**
 * Seconds between two heartbeats of a process that holds sockets, and seconds without a heartbeat after which
 * a process counts as dead.
 */
const ALIVE_EVERY = 5
const DEAD_AFTER = 20
/** Seconds for which the Postgres row of a large sockets text is kept, so that every process can read it. */
const ROW_SECONDS = 60
/** Address of a sockets text that goes to all processes; other addresses are the name of one process. */
const ALL = '*'

/**
 * Sockets driver on Postgres that sends messages between processes by NOTIFY, and large ones through a table
 * row. Tickets are rows.
 */
export const sockets: DriverFactory<'sockets', PostgresStoreOptions> = (options, context) =>
  create(options, context)

/**
 * Sockets driver with tickets on Postgres; it is the same as {@link sockets}, because every database can
 * store tickets.
 */
export const ticketedSockets: DriverFactory<'ticketedSockets', PostgresStoreOptions> = (options, context) =>
  create(options, context)

async function create(options: PostgresStoreOptions, context: DriverContext): Promise<PostgresSockets> {
  return new PostgresSockets(await openDatabase('sockets', options, context), context)
}

class PostgresSockets implements TicketedSocketsDriver {
  #database: Database
  #binding: string
  #store: string
  #channel: string
  #tables: { readonly texts: string; readonly processes: string; readonly tickets: string }
  #process: string | undefined
  #receive: (text: string) => void = () => {}
  /**
   * Settles when the last sockets text is delivered: texts are delivered one after another, even if a large
   * one must first be read from its row.
   */
  #last: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => Promise<void>) | undefined

  constructor(database: Database, { app, binding }: DriverContext) {
    this.#database = database
    this.#binding = binding
    this.#store = `${app}/${binding}`
    this.#tables = {
      texts: database.table,
      processes: database.tableNamed('unmoor_socket_processes'),
      tickets: database.tableNamed('unmoor_socket_tickets'),
    }
    // The name of the sockets driver's NOTIFY channel is a hash, because it has at most 63 bytes and all
    // schemas of a database share its channels.
    const name = createHash('sha256').update(`${database.table}\0${this.#store}`).digest('hex').slice(0, 32)
    this.#channel = `unmoor_sockets_${name}`
  }

  async listen(process: string, receive: (text: string) => void): Promise<void> {
    const { sql, server } = this.#database.shared
    if (server.max === 1)
      throw new UnmoorError(
        'Unsupported',
        `Binding "${this.#binding}": its processes hear of each other on a connection of their own, and ` +
          '"max" is 1. Allow two connections or more.',
        { binding: this.#binding, operation: 'start' },
      )
    this.#process = process
    this.#receive = receive
    await this.#live()
    // The Postgres client listens again by itself after a lost connection.
    const listening = await sql.listen(this.#channel, (payload) => this.#heard(payload))
    this.#unlisten = () => listening.unlisten()
    this.#timer = setInterval(() => void this.#live().catch(() => {}), ALIVE_EVERY * 1000).unref()
  }

  async broadcast(text: string): Promise<void> {
    await this.#notify(ALL, text)
  }

  async send(process: string, text: string): Promise<boolean> {
    const rows = await this.#database.read(
      `SELECT 1 FROM ${this.#tables.processes} WHERE store = $1 AND process = $2 ` +
        `AND seen > clock_timestamp() - interval '${DEAD_AFTER} seconds'`,
      [this.#store, process],
    )
    if (rows.length === 0) return false
    await this.#notify(process, text)
    return true
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    await this.#database.write(
      `INSERT INTO ${this.#tables.tickets} (store, id, value, ends) ` +
        `VALUES ($1, $2, $3, clock_timestamp() + CAST($4 AS float8) * interval '1 second')`,
      [this.#store, id, value, seconds],
    )
  }

  async takeTicket(id: string): Promise<string | null> {
    const [row] = await this.#database.write<[value: string, isGood: boolean]>(
      `DELETE FROM ${this.#tables.tickets} WHERE store = $1 AND id = $2 ` +
        'RETURNING value, ends > clock_timestamp()',
      [this.#store, id],
    )
    return row?.[1] === true ? row[0] : null
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#unlisten?.().catch(() => {})
    if (this.#process !== undefined)
      await this.#database
        .write(`DELETE FROM ${this.#tables.processes} WHERE store = $1 AND process = $2`, [
          this.#store,
          this.#process,
        ])
        .catch(() => {})
    await this.#database.close()
  }

  /** Writes a heartbeat of this process and removes expired rows of all processes from the sockets tables. */
  async #live(): Promise<void> {
    const { processes, texts, tickets } = this.#tables
    await this.#database.write(
      `INSERT INTO ${processes} (store, process, seen) VALUES ($1, $2, clock_timestamp()) ` +
        'ON CONFLICT (store, process) DO UPDATE SET seen = excluded.seen',
      [this.#store, this.#process as string],
    )
    const old = (seconds: number): string => `clock_timestamp() - interval '${seconds} seconds'`
    await this.#database.write(`DELETE FROM ${processes} WHERE seen < ${old(DEAD_AFTER * 10)}`, [])
    await this.#database.write(`DELETE FROM ${texts} WHERE sent < ${old(ROW_SECONDS)}`, [])
    await this.#database.write(`DELETE FROM ${tickets} WHERE ends < ${old(0)}`, [])
  }

  async #notify(to: string, text: string): Promise<void> {
    const notify = 'SELECT pg_notify($1, $2)'
    if (Buffer.byteLength(text) <= PAYLOAD) {
      await this.#database.write(notify, [this.#channel, `${to} ${text}`])
      return
    }
    const id = randomUUID()
    await this.#database.transaction(async (run) => {
      await run(`INSERT INTO ${this.#tables.texts} (id, body) VALUES ($1, $2)`, [id, text])
      await run(notify, [this.#channel, `${to} #${id}`])
    })
  }

  #heard(payload: string): void {
    const space = payload.indexOf(' ')
    const to = payload.slice(0, space)
    if (to !== ALL && to !== this.#process) return
    const text = payload.slice(space + 1)
    this.#last = this.#last
      .then(async () => this.#receive(text.startsWith('#') ? await this.#read(text.slice(1)) : text))
      .catch((error: unknown) => {
        console.error(`sockets ${this.#binding}: a message of another process could not be read:`, error)
      })
  }

  async #read(id: string): Promise<string> {
    const [row] = await this.#database.read<[body: string]>(
      `SELECT body FROM ${this.#tables.texts} WHERE id = $1`,
      [id],
    )
    if (row === undefined) throw new Error(`its row ${id} is gone`)
    return row[0]
  }
}
