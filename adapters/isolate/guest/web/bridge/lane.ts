/** Calls of one kind that may be under way at once, and what their arguments may weigh together. */
const MAX_CALLS = 256
const MAX_WEIGHT = 16 * 1024 * 1024

interface Waiting {
  weight: number
  start: () => void
  next: Waiting | undefined
}

/**
 * Calls of one kind. Calls beyond the limits wait here, in the isolate's own memory, instead of the host's.
 * Kinds do not wait for each other: a `fetch` may need a call of a binding to come to its end.
 */
export class Lane {
  #calls = 0
  #weight = 0
  #first: Waiting | undefined
  #last: Waiting | undefined

  /** Starts a call, or has it wait. */
  enter(weight: number, start: () => void): void {
    if (this.#first === undefined && this.#hasRoom(weight)) return this.#start(weight, start)
    const waiting = { weight, start, next: undefined }
    if (this.#last === undefined) this.#first = waiting
    else this.#last.next = waiting
    this.#last = waiting
  }

  /** A call of this weight is over. */
  leave(weight: number): void {
    this.#calls--
    this.#weight -= weight
    while (this.#first !== undefined && this.#hasRoom(this.#first.weight)) {
      const { weight: next, start } = this.#first
      this.#first = this.#first.next
      if (this.#first === undefined) this.#last = undefined
      this.#start(next, start)
    }
  }

  // A call alone may weigh what it likes: the limits of the bindings are the host's.
  #hasRoom(weight: number): boolean {
    return this.#calls === 0 || (this.#calls < MAX_CALLS && this.#weight + weight <= MAX_WEIGHT)
  }

  #start(weight: number, start: () => void): void {
    this.#calls++
    this.#weight += weight
    start()
  }
}
