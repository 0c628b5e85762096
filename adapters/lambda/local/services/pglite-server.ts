/**
 * A server of Postgres's wire protocol on one PGlite, for several clients at once. PGlite has a single
 * session, so a client that has sent the first message of a query holds the session until the answer is ready
 * and no transaction is open; the others wait. (@electric-sql/pglite-socket switches clients between the
 * messages of one query: they lose each other's portals.) All settings but the search path, and prepared
 * statements, are shared; clients name their statements uniquely.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** The methods of PGlite, an embedded Postgres, that are used. */
export interface Database {
  execProtocolRaw(message: Uint8Array): Promise<Uint8Array>
}

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const code = (letter: string): number => letter.charCodeAt(0)

/** Starts the Postgres server over PGlite on a free port of 127.0.0.1. */
export async function servePglite(
  db: Database,
  version: string,
): Promise<{ port: number; stop(): Promise<void> }> {
  const turns = new Turns()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    new Client(socket, db, turns, version).start()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

const DEFAULT_PATH = 'DEFAULT'

/** Decides which client may use PGlite's one session. */
class Turns {
  /** Search path that PGlite's session has now: the one start setting in which clients differ. */
  searchPath = DEFAULT_PATH
  #owner: Client | undefined
  #waiting: { client: Client; go: () => void }[] = []

  take(client: Client): Promise<void> | undefined {
    if (this.#owner === client) return undefined
    if (this.#owner === undefined) {
      this.#owner = client
      return undefined
    }
    return new Promise((go) => this.#waiting.push({ client, go }))
  }

  release(client: Client): void {
    if (this.#owner !== client) return
    const next = this.#waiting.shift()
    this.#owner = next?.client
    next?.go()
  }

  isOwner(client: Client): boolean {
    return this.#owner === client
  }
}

class Client {
  #socket: Socket
  #db: Database
  #turns: Turns
  #version: string
  #bytes: Buffer = Buffer.alloc(0)
  #started = false
  #messages: Buffer[] = []
  #working = false
  #closed = false
  /** After an error, messages of Postgres's extended protocol are skipped up to the next Sync. */
  #skipping = false
  #searchPath = DEFAULT_PATH

  constructor(socket: Socket, db: Database, turns: Turns, version: string) {
    this.#socket = socket
    this.#db = db
    this.#turns = turns
    this.#version = version
  }

  start(): void {
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (data) => {
      const chunk = data as Buffer // No encoding is set.
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
      this.#split()
      void this.#work()
    })
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.once('close', () => {
      this.#closed = true
      void this.#work()
    })
  }

  #split(): void {
    for (;;) {
      const offset = this.#started ? 1 : 0
      if (this.#bytes.length < offset + 4) return
      const length = offset + this.#bytes.readInt32BE(offset)
      if (this.#bytes.length < length) return
      const message = this.#bytes.subarray(0, length)
      this.#bytes = this.#bytes.subarray(length)
      if (this.#started) this.#messages.push(message)
      else this.#startup(message)
    }
  }

  #startup(message: Buffer): void {
    const request = message.readInt32BE(4)
    if (request === SSL_REQUEST || request === GSS_REQUEST) return void this.#socket.write('N')
    if (request === CANCEL_REQUEST) return void this.#socket.end()
    this.#started = true
    const given = message.toString('utf8', 8).split('\0')
    const at = given.findIndex((name, index) => index % 2 === 0 && name === 'search_path')
    if (at >= 0) this.#searchPath = given[at + 1] ?? DEFAULT_PATH
    const settings = {
      server_version: this.#version,
      server_encoding: 'UTF8',
      client_encoding: 'UTF8',
      DateStyle: 'ISO, MDY',
      integer_datetimes: 'on',
      standard_conforming_strings: 'on',
      TimeZone: 'GMT',
    }
    const parameters = Object.entries(settings).map(([name, value]) =>
      frame('S', Buffer.from(`${name}\0${value}\0`)),
    )
    this.#socket.write(
      Buffer.concat([frame('R', Buffer.alloc(4)), ...parameters, frame('K', Buffer.alloc(8)), READY]),
    )
  }

  async #work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    try {
      for (
        let message = this.#messages.shift();
        message !== undefined && !this.#closed;
        message = this.#messages.shift()
      ) {
        if (message[0] === code('X')) {
          this.#socket.end()
          break
        }
        await this.#run(message)
      }
      if (this.#closed) await this.#leave()
    } catch (error) {
      // PGlite itself failed, so this client cannot go on.
      console.error(error)
      this.#socket.destroy()
    } finally {
      this.#working = false
    }
  }

  async #run(message: Buffer): Promise<void> {
    const type = message[0]
    const ends = type === code('S') || type === code('Q')
    if (this.#skipping && !ends) return
    await this.#turns.take(this)
    if (this.#turns.searchPath !== this.#searchPath) {
      await this.#db.execProtocolRaw(
        new Uint8Array(frame('Q', Buffer.from(`SET search_path = ${this.#searchPath}\0`))),
      )
      this.#turns.searchPath = this.#searchPath
    }
    const answer = await this.#db.execProtocolRaw(new Uint8Array(message))
    if (!this.#closed && answer.length > 0) this.#socket.write(answer)
    if (type !== code('Q') && holds(answer, code('E'))) this.#skipping = true
    if (!ends) return
    this.#skipping = false
    // Postgres's ReadyForQuery comes last and says if a transaction is open.
    if (answer.at(-1) === code('I')) this.#turns.release(this)
  }

  /** Rolls back the PGlite transaction of a client that went away. */
  async #leave(): Promise<void> {
    if (!this.#turns.isOwner(this)) return
    try {
      await this.#db.execProtocolRaw(new Uint8Array(frame('S', Buffer.alloc(0))))
      await this.#db.execProtocolRaw(new Uint8Array(frame('Q', Buffer.from('ROLLBACK\0'))))
    } finally {
      this.#turns.release(this)
    }
  }
}

function frame(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head[0] = code(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const READY = frame('Z', Buffer.from('I'))

/** True if PGlite's answer bytes contain a protocol message of that type. */
function holds(answer: Uint8Array, type: number): boolean {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength)
  for (let at = 0; at + 5 <= answer.length; at += 1 + view.getInt32(at + 1)) {
    if (answer[at] === type) return true
  }
  return false
}
