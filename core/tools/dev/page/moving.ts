/** The view of what changes when the app moves to another target, as `unmoor compare` reports it. */
import { ask } from './api.ts'
import { field, fill, form, h, notify, View } from './dom.ts'

/** One change of the report. */
export interface Change {
  id: string
  kind: 'lost' | 'gained' | 'different'
  what: string
  todo: string
  uses: { file: string; line: number }[]
}

/** Lists changes with what to do, and where the app is concerned. */
export function changeList(changes: readonly Change[]): HTMLElement {
  return h(
    'ul',
    {},
    ...changes.map(({ kind, what, todo, uses }) =>
      h(
        'li',
        {},
        h('strong', {}, `${kind}: `),
        `${what} ${todo}`,
        uses.length > 0 &&
          h('div', { class: 'mono' }, uses.map(({ file, line }) => `${file}:${line}`).join('  ')),
      ),
    ),
  )
}

export class MovingView extends View {
  async show(): Promise<void> {
    const { targets } = await ask<{ targets: string[] }>('compare.targets')
    const { target } = await ask<{ target: string }>('status')
    const choice = (name: string, chosen: string | undefined): HTMLSelectElement =>
      h('select', { name }, ...targets.map((one) => h('option', { selected: one === chosen }, one)))
    const from = choice('from', target)
    const to = choice(
      'to',
      targets.find((one) => one !== target),
    )
    const report = h('div')
    fill(
      this,
      h('h2', {}, 'Moving'),
      form(
        async () => {
          notify('The app is compared.')
          const sides = { from: from.value, to: to.value }
          const { changes, same } = await ask<{ changes: Change[]; same: string[] }>('moving', sides)
          notify('')
          fill(
            report,
            h('h3', {}, `What changes from ${sides.from} to ${sides.to}`),
            changes.length === 0 ? h('p', {}, 'Nothing that this app uses.') : changeList(changes),
            h('h3', {}, 'What stays the same'),
            h('ul', {}, ...same.map((text) => h('li', {}, text))),
            h('p', { class: 'quiet' }, `Limits and a bill: unmoor compare ${sides.from} ${sides.to}`),
          )
        },
        { class: 'row', 'aria-label': 'Move' },
        field('From', from, { class: 'inline' }),
        field('to', to, { class: 'inline' }),
        h('button', {}, 'Compare'),
      ),
      report,
    )
  }
}
