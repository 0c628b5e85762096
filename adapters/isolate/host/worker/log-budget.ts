/** Options of {@link LogBudget}, the limit of an app's log. */
export interface LogBudgetOptions {
  /** Bytes of log that an app may write per second. */
  perSecond: number
  write(level: string, text: string): void
  /** Maps the places that a text names to the app's sources. Gets no text longer than may be written. */
  map(text: string): string
  /** Called when text of the app's log is cut, once for a second in which that happens. */
  onHit(): void
}

/** Limits the log of one app; text beyond the limit is cut, and the cut lines and bytes are counted. */
export class LogBudget {
  #options: LogBudgetOptions
  #second = -1
  #left = 0
  #cutLines = 0
  #cutBytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: LogBudgetOptions) {
    this.#options = options
  }

  write(level: string, text: string): void {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#left = this.#options.perSecond
    }
    // Long log texts are not mapped and encoded whole, as they may have hundreds of megabytes.
    const isLong = text.length > this.#left
    const shown = this.#options.map(isLong ? text.slice(0, this.#left) : text)
    const size = shown.length > this.#left ? shown.length : Buffer.byteLength(shown)
    if (!isLong && size <= this.#left) {
      this.#left -= size
      return this.#options.write(level, shown)
    }
    if (this.#timer === undefined) {
      this.#options.onHit()
      this.#timer = setTimeout(() => this.#report(), 1000).unref()
    }
    this.#cutLines++
    this.#cutBytes += (isLong ? text.length : size) - this.#left
    if (this.#left > 0) this.#options.write(level, `${shown.slice(0, this.#left)}...`)
    this.#left = 0
  }

  #report(): void {
    this.#timer = undefined
    const { perSecond } = this.#options
    this.#options.write(
      'error',
      `The app logged more than its limit of logBytes, ${perSecond} in a second: ${this.#cutBytes} bytes ` +
        `of ${this.#cutLines} lines were left out. Log less, or raise limits.logBytes.`,
    )
    this.#cutLines = 0
    this.#cutBytes = 0
  }

  /** Logs how much text of the app's log was cut since the last report, if anything. */
  close(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#report()
  }
}
