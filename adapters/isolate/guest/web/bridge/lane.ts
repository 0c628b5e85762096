/**
 * Most calls of one kind from an isolate to its engine that are in progress at once. MAX_WEIGHT limits the
 * total weight of their arguments.
 */
const MAX_CALLS = 256
const MAX_WEIGHT = 16 * 1024 * 1024

interface Waiting {
  weight: number
  start: () => void
  next: Waiting | undefined
}

/**
 * Limits the calls of one kind from an isolate to its engine. Calls beyond the limits wait in the isolate's
 * own memory instead of the engine's. Kinds do not wait for each other, because a `fetch` may need a binding
 * call to come to its end.
 */
export class Lane {
  #calls = 0
  #weight = 0
  #first: Waiting | undefined
  #last: Waiting | undefined

  /** Starts a call to the engine, or queues it if the lane is full. */
  enter(weight: number, start: () => void): void {
    if (this.#first === undefined && this.#hasRoom(weight)) return this.#start(weight, start)
    const waiting = { weight, start, next: undefined }
    if (this.#last === undefined) this.#first = waiting
    else this.#last.next = waiting
    this.#last = waiting
  }

  /** Called when a call to the engine of this weight has ended. Starts waiting calls that now fit. */
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

  // A call to the engine that is alone in its lane may have any weight: the engine enforces the limits of
  // bindings.
  #hasRoom(weight: number): boolean {
    return this.#calls === 0 || (this.#calls < MAX_CALLS && this.#weight + weight <= MAX_WEIGHT)
  }

  #start(weight: number, start: () => void): void {
    this.#calls++
    this.#weight += weight
    start()
  }
}
