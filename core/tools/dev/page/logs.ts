/** The view of logs: requests at the port of `unmoor dev`, and what the app printed. */
import { ask } from './api.ts'
import { attempt, field, fill, h, table, View } from './dom.ts'

interface Seen {
  requests: {
    time: number
    method: string
    path: string
    status: number
    duration: number
    complete: boolean
  }[]
  lines: { time: number; text: string }[]
  last: number
}

/** Milliseconds between two looks. */
const EVERY = 1000
/** Requests and lines that the view shows; the server keeps as many. */
const SHOWN = 1000

/** Escape sequences that colour a terminal's text. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g')

export class LogsView extends View {
  #seen: Seen = { requests: [], lines: [], last: 0 }
  #filter = h('input', { type: 'search', name: 'filter', oninput: () => this.#draw() })
  #requests = h('div')
  #lines = h('pre', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Console' })

  async show(): Promise<void> {
    fill(
      this,
      h('h2', {}, 'Logs'),
      field('Only with the text', this.#filter),
      h('h3', {}, 'Requests'),
      this.#requests,
      h('h3', {}, 'Console'),
      this.#lines,
    )
    this.#draw()
    while (this.isConnected) {
      if (document.visibilityState === 'visible') await attempt(() => this.#read())
      await new Promise((resolve) => setTimeout(resolve, EVERY))
    }
  }

  async #read(): Promise<void> {
    const { requests, lines, last } = await ask<Seen>('log.read', { after: this.#seen.last })
    if (requests.length + lines.length === 0) return
    this.#seen = {
      requests: [...this.#seen.requests, ...requests].slice(-SHOWN),
      lines: [...this.#seen.lines, ...lines].slice(-SHOWN),
      last,
    }
    this.#draw()
  }

  #draw(): void {
    const wanted = this.#filter.value
    const requests = this.#seen.requests.filter(({ method, path }) => `${method} ${path}`.includes(wanted))
    fill(
      this.#requests,
      requests.length === 0
        ? h('p', { class: 'quiet' }, 'No requests.')
        : table(
            'Requests',
            ['Time', 'Method', 'Path', 'Status', 'Took'],
            requests
              .toReversed()
              .map((one) => [
                clock(one.time),
                one.method,
                one.path,
                one.complete ? one.status : `${one.status}, cut off`,
                `${one.duration.toFixed(1)} ms`,
              ]),
          ),
    )
    const isAtEnd = this.#lines.scrollTop + this.#lines.clientHeight >= this.#lines.scrollHeight - 4
    const lines = this.#seen.lines.filter(({ text }) => text.includes(wanted))
    this.#lines.textContent =
      lines.length === 0
        ? 'The app has printed nothing.'
        : lines.map(({ time, text }) => `${clock(time)}  ${text.replaceAll(COLOUR, '')}`).join('\n')
    if (isAtEnd) this.#lines.scrollTop = this.#lines.scrollHeight
  }
}

function clock(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour12: false })
}
