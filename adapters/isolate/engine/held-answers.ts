/** Most weight (about bytes) of one isolate's answers to requests that are held until a turn's end. */
const MAX_KEPT = 256 * 1024

type Answer = readonly unknown[]

/**
 * Holds the answers to the requests of one turn of the event loop until every isolate has had its entries.
 */
export class HeldAnswers {
  #hear: (answer: Answer) => void
  #answers: Answer[] = []
  #weight = 0

  constructor(hear: (answer: Answer) => void) {
    this.#hear = hear
  }

  keep(answer: Answer, weight: number): void {
    this.#answers.push(answer)
    this.#weight += weight
    // The held answers of an isolate have a maximum weight, because answers to many requests at once would
    // fill this process's memory.
    if (this.#weight > MAX_KEPT) this.hearAll()
  }

  hearAll(): void {
    const answers = this.#answers
    this.#answers = []
    this.#weight = 0
    for (const answer of answers) this.#hear(answer)
  }
}

/**
 * True if an isolate's message answers a request with a text body or none, which may be handled later:
 * nothing that follows depends on it.
 */
export function isFlatAnswer(message: readonly unknown[]): boolean {
  return message[0] === 'response' && (message[5] === null || typeof message[5] === 'string')
}
