/** Options of {@link LogBudget}, the limit of an app's log. */
export interface LogBudgetOptions {
  /** Bytes of log that an app may write per second. */
  perSecond: number
  write(level: string, text: string): void
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
    // Long log texts are not encoded to be measured, as they may have hundreds of megabytes.
    const size = text.length > this.#left ? text.length : Buffer.byteLength(text)
    if (size <= this.#left) {
      this.#left -= size
      return this.#options.write(level, text)
    }
    if (this.#timer === undefined) {
      this.#options.onHit()
      this.#timer = setTimeout(() => this.#report(), 1000).unref()
    }
    this.#cutLines++
    this.#cutBytes += size - this.#left
    if (this.#left > 0) this.#options.write(level, `${text.slice(0, this.#left)}...`)
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
