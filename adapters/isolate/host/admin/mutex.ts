/** Runs async functions one after the other. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  get isFree(): boolean {
    return this.#waiting === 0
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const result = this.#last.then(work, work).finally(() => this.#waiting--)
    this.#last = result.catch(() => {})
    return result
  }
}
