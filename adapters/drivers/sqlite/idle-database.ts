/** Milliseconds after which a database that nobody uses is closed. */
const IDLE = 2000

/** Closes that are due, one in each turn of the event loop: each may flush the disk. */
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

/** What {@link IdleDatabase} is made of. */
export interface IdleDatabaseOptions<Opened> {
  open: () => Opened
  close: (opened: Opened) => void
  /** Returns true if the database may be closed now; asked while it is open. Default: it may. */
  mayClose?: (opened: Opened) => boolean
  /** Told when it has been closed because nobody used it. */
  onClosed?: () => void
}

/**
 * A database that is opened when it is used, and closed when it has not been used for a while: thousands of
 * idle apps would hold three files each otherwise, and what SQLite caches of them. Opening takes a
 * millisecond.
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

  /** The open database, for one go without an await. */
  use(): Opened {
    this.#used = performance.now()
    return this.look()
  }

  /** The open database, for a look for work, which does not keep it open. */
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
