/** Milliseconds before the first try to connect again; each further one waits twice as long. */
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 30_000
/** Milliseconds after which a connection counts as stable, so that the next pause is short again. */
const STABLE = 30_000
/** Milliseconds between two messages that say that the page is still there. */
const HEARTBEAT = 45_000
/** Milliseconds for an answer to such a message, and for a connection to open. */
const PATIENCE = 15_000

/** Explains a close code (RFC 6455, section 7.4) to the person who reads the page. */
function reasonOf(code) {
  if (code === 1001 || code === 1012) return 'The server restarts.'
  if (code === 1011) return 'The server had an error.'
  if (code === 1013) return 'This connection was too slow.'
  return 'The connection was lost.'
}

/** The answer to a login that cannot succeed by trying again: the name or the room is wrong. */
export class Refusal extends Error {}

/**
 * A socket that comes back. `login()` resolves to a URL with a ticket, which is good for one connection, or
 * throws a {@link Refusal}. `received(message)` gets what the server sends, `changed(state, text)` one of
 * connecting, open, waiting and closed, `refused(reason)` is the end after a Refusal. `asks()` is called when
 * the connection has opened, and each time before the page says that it is still there.
 */
export class Connection {
  #options
  #socket
  #timers = new Set()
  #tries = 0
  #isClosed = false
  #heardAt = 0
  #retry = () => {
    if (this.#socket === undefined && !this.#isClosed) void this.#connect()
  }

  constructor(options) {
    this.#options = options
    addEventListener('online', this.#retry)
    void this.#connect()
  }

  /** Sends a value; returns false if there is no connection. */
  send(value) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(JSON.stringify(value))
    return true
  }

  close() {
    this.#isClosed = true
    removeEventListener('online', this.#retry)
    this.#drop()?.close(1000)
    this.#options.changed('closed', 'Not connected')
  }

  async #connect() {
    this.#clear()
    // Two tries must not run at once, also while the login is under way.
    const attempt = (this.#socket = {})
    this.#options.changed('connecting', 'Connecting …')
    let url
    try {
      url = await this.#options.login(AbortSignal.timeout(PATIENCE))
    } catch (error) {
      if (this.#socket !== attempt) return
      if (!(error instanceof Refusal)) return this.#again('The server does not answer.')
      this.close()
      this.#options.refused(error.message)
      return
    }
    if (this.#socket !== attempt) return
    this.#listen(new WebSocket(url))
  }

  #listen(socket) {
    this.#socket = socket
    let openedAt = Infinity
    this.#after(PATIENCE, () => {
      if (socket.readyState === WebSocket.CONNECTING) this.#lost('The server does not answer.')
    })
    socket.onopen = () => {
      openedAt = this.#heardAt = Date.now()
      this.#options.changed('open', 'Connected')
      this.#options.asks()
      this.#after(HEARTBEAT, () => this.#beat())
    }
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now()
      this.#options.received(JSON.parse(data))
    }
    socket.onclose = ({ code }) => {
      if (Date.now() - openedAt > STABLE) this.#tries = 0
      this.#again(reasonOf(code), code)
    }
  }

  #beat() {
    const sentAt = Date.now()
    this.#options.asks()
    this.send({ type: 'here' })
    this.#after(PATIENCE, () => {
      if (this.#heardAt < sentAt) this.#lost('The connection was lost.')
    })
    this.#after(HEARTBEAT, () => this.#beat())
  }

  /** Gives up a connection without waiting for a close that may never come. */
  #lost(reason) {
    this.#drop()?.close()
    this.#again(reason)
  }

  #again(reason, code = 1006) {
    this.#drop()
    // A restart ends the connections of all pages at once, and chance spreads their return.
    const isRestart = code === 1001 || code === 1012
    const most = isRestart && this.#tries < 3 ? 2000 : Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#tries)
    this.#tries++
    const pause = most / 2 + (Math.random() * most) / 2
    const seconds = Math.ceil(pause / 1000)
    const next = navigator.onLine
      ? `Trying again in ${seconds} second${seconds === 1 ? '' : 's'}.`
      : 'Waiting for the network.'
    this.#options.changed('waiting', `${reason} ${next}`)
    this.#after(pause, this.#retry)
  }

  /** Forgets the current connection and returns its socket; undefined if there was none. */
  #drop() {
    this.#clear()
    const socket = this.#socket
    this.#socket = undefined
    if (!(socket instanceof WebSocket)) return undefined
    socket.onopen = socket.onmessage = socket.onclose = null
    return socket
  }

  #after(milliseconds, work) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, milliseconds)
    this.#timers.add(timer)
  }

  #clear() {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
