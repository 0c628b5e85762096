/** What a running `unmoor dev` has seen: requests at its port, and lines that the app printed. */

/** Number of requests, and of lines, that are kept. */
const KEPT = 1000
/** Characters of a printed line that are kept. */
const LINE = 8192

/** One request that `unmoor dev` passed on to the app, or answered itself. */
export interface SeenRequest {
  readonly id: number
  /** Milliseconds since 1970 at which the request came. */
  readonly time: number
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly status: number
  /** Milliseconds until the end of the response; of a WebSocket, until it was open. */
  readonly duration: number
  /** False if the client left, or the connection broke, before the end of the response. */
  readonly complete: boolean
}

/** One line that the app, or `unmoor dev` itself, printed. */
export interface SeenLine {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly text: string
}

/** The newest requests and lines, each with an id that grows by one. */
export class Activity {
  #requests: SeenRequest[] = []
  #lines: SeenLine[] = []
  #next = 1

  /** Keeps a request. */
  request(seen: Omit<SeenRequest, 'id'>): void {
    keep(this.#requests, { id: this.#next++, ...seen })
  }

  /** Keeps a printed line, the time being now. */
  line(text: string): void {
    const shown = text.length > LINE ? `${text.slice(0, LINE)} ... (${text.length} characters)` : text
    keep(this.#lines, { id: this.#next++, time: Date.now(), text: shown })
  }

  /** Returns what was kept after the id `after`, oldest first, and the newest id. */
  since(after: number): { requests: SeenRequest[]; lines: SeenLine[]; last: number } {
    return {
      requests: this.#requests.filter(({ id }) => id > after),
      lines: this.#lines.filter(({ id }) => id > after),
      last: this.#next - 1,
    }
  }
}

function keep<T>(list: T[], one: T): void {
  list.push(one)
  if (list.length > KEPT) list.shift()
}
