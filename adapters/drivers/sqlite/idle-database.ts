/** Milliseconds without use after which an SQLite database is closed. */
const IDLE = 2000

/**
 * SQLite databases that are due to be closed, one in each turn of the event loop, because each close may
 * flush the disk.
 */
const closing: (() => void)[] = []

function closeLater(close: () => void): void {
  if (closing.push(close) === 1) setImmediate(closeNext)
}

function closeNext(): void {
  try {
    closing[0]?.()
  } finally {
    closing.shift()
    if (closing.length > 0) setImmediate(closeNext)
  }
}

/** Options of {@link IdleDatabase}, an SQLite database that is closed when it is idle. */
export interface IdleDatabaseOptions<Opened> {
  open: () => Opened
  close: (opened: Opened) => void
  /** Returns true if the SQLite database may be closed now; called while it is open. Default: always true. */
  mayClose?: (opened: Opened) => boolean
  /** Called when the SQLite database has been closed because nobody used it. */
  onClosed?: () => void
}

/**
 * An SQLite database that is opened when it is used, and closed when it has been idle for a while. Otherwise
 * thousands of idle apps would each hold three files open, and SQLite's caches. Opening takes a millisecond.
 */
export class IdleDatabase<Opened> {
  #options: IdleDatabaseOptions<Opened>
  #opened: Opened | undefined
  #used = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: IdleDatabaseOptions<Opened>) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** Returns the open SQLite database for work. Do not keep the result over an await. */
  use(): Opened {
    this.#used = performance.now()
    return this.look()
  }

  /** Returns the open SQLite database for a poll, which does not keep it open. */
  look(): Opened {
    if (this.#opened !== undefined) return this.#opened
    const opened = this.#options.open()
    this.#opened = opened
    this.#used = performance.now()
    this.#wait(IDLE)
    return opened
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => closeLater(() => this.#closeIdle()), milliseconds).unref()
  }

  #closeIdle(): void {
    const opened = this.#opened
    if (opened === undefined) return
    const left = this.#used + IDLE - performance.now()
    if (left > 0) return this.#wait(left)
    if (this.#options.mayClose?.(opened) === false) return this.#wait(IDLE)
    this.close()
    this.#options.onClosed?.()
  }

  close(): void {
    clearTimeout(this.#timer)
    const opened = this.#opened
    this.#opened = undefined
    if (opened !== undefined) this.#options.close(opened)
  }
}
