/** The page of `unmoor dev`: header, navigation, and the view that the address names. */
import { ask, PageError, takeToken } from './api.ts'
import { CompareView } from './compare.ts'
import { CronsView } from './crons.ts'
import { DataView } from './data.ts'
import { fill, h, notify } from './dom.ts'
import { LogsView } from './logs.ts'
import { MovingView } from './moving.ts'

interface Status {
  state: 'loading' | 'running' | 'failed'
  builds: number
  message: string | null
  app: string | null
  target: string | null
  runtime: string | null
  url: string
}

/** Milliseconds between two questions of whether the app runs. */
const EVERY = 1000

const VIEWS: Readonly<Record<string, { title: string; view: CustomElementConstructor }>> = {
  data: { title: 'Data', view: DataView },
  crons: { title: 'Crons', view: CronsView },
  logs: { title: 'Logs', view: LogsView },
  compare: { title: 'Compare', view: CompareView },
  moving: { title: 'Moving', view: MovingView },
}

const STATES = { loading: 'starting', running: 'running', failed: 'not running' }

class Page extends HTMLElement {
  #state = h('p', { id: 'state' })
  #problem = h('pre', {
    id: 'problem',
    class: 'bad',
    hidden: true,
    tabindex: 0,
    'aria-label': 'Error of the app',
  })
  #nav = h('ul')
  #title = h('h1', {}, 'unmoor dev')
  #main = h('main', { id: 'main', tabindex: -1 })
  #builds = 0

  connectedCallback(): void {
    takeToken()
    fill(
      this,
      h(
        'a',
        { class: 'skip', href: '#main', onclick: (event: Event) => this.#skip(event) },
        'To the content',
      ),
      h('header', {}, this.#title, h('nav', { 'aria-label': 'Views' }, this.#nav), this.#state),
      h('p', { id: 'notice', role: 'status' }),
      this.#problem,
      this.#main,
    )
    addEventListener('hashchange', () => this.#route())
    void this.#watch()
  }

  #skip(event: Event): void {
    event.preventDefault()
    this.#main.focus()
  }

  #route(): void {
    const name = location.hash.split('/')[1] ?? ''
    const chosen = VIEWS[name] ?? VIEWS['data']
    fill(
      this.#nav,
      ...Object.entries(VIEWS).map(([path, { title }]) =>
        h('li', {}, h('a', { href: `#/${path}`, 'aria-current': path === name && 'page' }, title)),
      ),
    )
    notify('')
    if (chosen !== undefined) fill(this.#main, new chosen.view())
  }

  /** Shows for ever what the app is doing, and the view again once a first build runs. */
  async #watch(): Promise<void> {
    for (;;) {
      try {
        const status = await ask<Status>('status')
        this.#show(status)
        if (this.#builds === 0 && status.builds > 0) {
          this.#builds = status.builds
          if (!(location.hash.split('/')[1] ?? '')) location.hash = '#/data'
          this.#route()
        }
      } catch (error) {
        const message = error instanceof PageError ? error.message : String(error)
        fill(this.#state, h('strong', { class: 'bad' }, 'no connection'))
        notify(message, 'bad')
        // Without the right token nothing can change until another URL is opened.
        if (error instanceof PageError && error.code === 'PermissionDenied') return
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY))
    }
  }

  #show({ state, message, app, target, runtime, url }: Status): void {
    this.#title.textContent = app ?? 'unmoor dev'
    document.title = `${app ?? 'unmoor dev'}: ${STATES[state]}`
    const text = `${STATES[state]}${target === null ? '' : ` on ${target} (${runtime})`}`
    const shown = `${text} ${url}`
    if (this.#state.dataset['shown'] !== shown) {
      this.#state.dataset['shown'] = shown
      fill(
        this.#state,
        h('strong', { class: state === 'failed' ? 'bad' : 'good' }, text),
        ' ',
        h('a', { href: url, rel: 'noreferrer', target: '_blank' }, url),
      )
    }
    this.#problem.hidden = message === null
    if (this.#problem.textContent !== (message ?? '')) this.#problem.textContent = message
  }
}

for (const [name, { view }] of Object.entries(VIEWS)) customElements.define(`unmoor-${name}`, view)
customElements.define('unmoor-page', Page)
