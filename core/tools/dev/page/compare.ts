/** The view that sends one request to several runtimes, and shows their answers side by side. */
import { ask } from './api.ts'
import { attempt, button, type Child, field, fill, form, h, notify, View } from './dom.ts'
import { type Change, changeList } from './moving.ts'

interface Answer {
  target: string
  runtime: string
  status: number
  headers: [name: string, value: string][]
  body: string
  /** The body with dates, ids and the runtime's own origin replaced. */
  normal: string
  duration: number
}

type Outcome = Answer | { target: string; error: string }

interface Compared {
  outcomes: Outcome[]
  differences: { part: string; values: Record<string, string | null> }[]
  explained: { from: string; to: string; changes: Change[] }[]
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

export class CompareView extends View {
  #method = h('select', { name: 'method' }, ...METHODS.map((name) => h('option', {}, name)))
  #path = h('input', { name: 'path', value: '/', required: true })
  #headers = h('textarea', { name: 'headers', rows: 2, spellcheck: 'false' })
  #body = h('textarea', { name: 'body', rows: 3, spellcheck: 'false' })
  #targets = h('fieldset')
  #answer = h('div')

  async show(): Promise<void> {
    const { targets, rule, most } = await ask<{ targets: string[]; rule: string; most: number }>(
      'compare.targets',
    )
    fill(
      this.#targets,
      h('legend', {}, `Runtimes (at most ${most})`),
      ...targets.map((name, index) =>
        h(
          'label',
          { class: 'inline' },
          h('input', { type: 'checkbox', value: name, checked: index < most }),
          ` ${name}`,
        ),
      ),
    )
    fill(
      this,
      h('h2', {}, 'Compare'),
      h(
        'p',
        {},
        'One request goes to each chosen runtime on this machine, one after another. Each has data of its ' +
          'own, and runs the request: a POST to four runtimes is handled four times.',
      ),
      form(
        () => this.#send(),
        { 'aria-label': 'Request' },
        h(
          'div',
          { class: 'row' },
          field('Method', this.#method, { class: 'inline' }),
          field('Path', this.#path, { class: 'inline' }),
        ),
        field('Headers (NAME: VALUE, one a line)', this.#headers),
        field('Body', this.#body),
        this.#targets,
        h(
          'div',
          { class: 'row' },
          h('button', {}, 'Send'),
          button('Remove the data of these runtimes', async () => {
            await ask('compare.clear')
            notify('The runtimes are stopped, and start again without data.', 'good')
          }),
        ),
      ),
      h('p', { class: 'quiet' }, rule),
      this.#answer,
    )
  }

  #request(): Record<string, string> {
    return {
      method: this.#method.value,
      path: this.#path.value,
      headers: this.#headers.value,
      body: this.#body.value,
    }
  }

  async #send(): Promise<void> {
    const request = this.#request()
    const boxes = [...this.#targets.querySelectorAll('input')]
    const targets = boxes.filter(({ checked }) => checked).map(({ value }) => value)
    notify('The runtimes are built and started, then asked. The first time takes a while.')
    fill(this.#answer)
    const compared = await ask<Compared>('compare.send', { ...request, targets })
    notify('')
    fill(this.#answer, ...shown(compared, request))
  }
}

function shown({ outcomes, differences, explained }: Compared, request: Record<string, string>): Child[] {
  const parts = new Set(differences.map(({ part }) => part))
  const names = [
    ...new Set(outcomes.flatMap((one) => ('error' in one ? [] : one.headers.map(([name]) => name)))),
  ]
  const row = (part: string, label: string, read: (answer: Answer) => Child): HTMLElement => {
    const differs = parts.has(part)
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, label, differs && h('mark', {}, ' differs')),
      ...outcomes.map((one) => {
        const value = 'error' in one ? '' : read(one)
        return h('td', {}, differs ? h('mark', {}, value) : value)
      }),
    )
  }
  const first = outcomes.find((one): one is Answer => 'status' in one)
  return [
    h('h3', {}, summary(outcomes, parts)),
    ...outcomes.map(
      (one) => 'error' in one && h('pre', { class: 'bad' }, `${one.target} did not answer: ${one.error}`),
    ),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Answers' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'col' }, 'Part'),
            ...outcomes.map(({ target }) => h('th', { scope: 'col' }, target)),
          ),
        ),
        h(
          'tbody',
          {},
          row('runtime', 'runtime', ({ runtime }) => runtime),
          row('status', 'status', ({ status }) => status),
          row('time', 'time', ({ duration }) => `${duration.toFixed(1)} ms`),
          ...names.sort().map((name) => row(`header ${name}`, name, ({ headers }) => valueOf(headers, name))),
          row('body', 'body', ({ body }) => h('pre', {}, body)),
        ),
      ),
    ),
    h('div', { class: 'row' }, ...outcomes.map((one) => 'status' in one && saveButton(one, request))),
    ...explained.map(({ from, to, changes }) => explanation(from, to, changes)),
    first === undefined && h('p', {}, 'No runtime answered.'),
  ]
}

function summary(outcomes: readonly Outcome[], parts: ReadonlySet<string>): string {
  const count = outcomes.filter((one) => 'status' in one).length
  if (parts.size > 0) return `Different: ${[...parts].join(', ')}`
  return count < 2 ? `${count} answer, nothing to compare` : `${count} answers are the same`
}

function valueOf(headers: Answer['headers'], name: string): string {
  const values = headers.filter(([other]) => other === name).map(([, value]) => value)
  return values.length === 0 ? 'none' : values.join(', ')
}

function saveButton(
  { target, status, headers, normal }: Answer,
  request: Record<string, string>,
): HTMLElement {
  return button(`Save as test with the answer of ${target}`, () =>
    attempt(async () => {
      const contentType = headers.find(([name]) => name === 'content-type')?.[1]
      const saved = { ...request, status, contentType, answer: normal }
      const { name } = await ask<{ name: string }>('compare.save', saved)
      notify(`${name}: written. Run it on every target with unmoor test.`, 'good')
    }),
  )
}

function explanation(from: string, to: string, changes: readonly Change[]): HTMLElement {
  return h(
    'section',
    {},
    h('h3', {}, `Known differences between ${from} and ${to} that concern this app`),
    changes.length === 0
      ? h('p', {}, 'None is known. What differs above comes from the app, or is worth a report.')
      : changeList(changes),
  )
}
