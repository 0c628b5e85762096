/** The view of data: the app's bindings, and a panel for the kind of the chosen one. */
import { ask } from './api.ts'
import { BlobPanel } from './blob.ts'
import { type Child, fill, h, View } from './dom.ts'
import { KvPanel } from './kv.ts'
import { QueuePanel } from './queue.ts'
import { SqlPanel } from './sql.ts'

interface Binding {
  name: string
  kind: string
  driver: string | null
  dialect: string | null
}

/** What the page says about kinds whose content it does not show. */
const UNSEEN: Readonly<Record<string, string>> = {
  assets: 'Assets are files of the build, in the folder that the app declares.',
  cache: 'A cache has no list of its entries, on any driver.',
  counter: 'A counter has no list of its keys, on any driver.',
  secret: 'The value of a secret is not shown.',
  service: 'A service is another app: its own unmoor dev shows its data.',
  sockets: 'Connections are not listed here; the app knows its rooms.',
  variable: 'The value of a variable is in the config or in the env files.',
}

const PANELS: Readonly<Record<string, new (binding: string, dialect: string | null) => View>> = {
  kv: KvPanel,
  blob: BlobPanel,
  sql: SqlPanel,
  queue: QueuePanel,
}

export class DataView extends View {
  async show(): Promise<void> {
    const bindings = await ask<Binding[]>('data.bindings')
    const [first] = bindings.filter(({ kind }) => kind in PANELS)
    const chosen = bindings.find(({ name }) => name === this.path[0]) ?? first ?? bindings[0]
    if (chosen === undefined) {
      fill(this, h('h2', {}, 'Data'), h('p', {}, 'This app declares no bindings.'))
      return
    }
    const links = bindings.map(({ name, kind }) =>
      h(
        'li',
        {},
        h(
          'a',
          { href: `#/data/${encodeURIComponent(name)}`, 'aria-current': name === chosen.name && 'page' },
          name,
          h('small', {}, ` ${kind}`),
        ),
      ),
    )
    fill(
      this,
      h(
        'div',
        { class: 'split' },
        h('nav', { 'aria-label': 'Bindings' }, h('ul', {}, ...links)),
        h('div', {}, ...panel(chosen)),
      ),
    )
  }
}

function panel({ name, kind, driver, dialect }: Binding): Child[] {
  const Panel = PANELS[kind]
  return [
    h('h2', {}, name),
    h('p', { class: 'quiet' }, driver === null ? kind : `${kind}, driver ${driver}`),
    Panel === undefined
      ? h('p', {}, UNSEEN[kind] ?? `The page does not show what a binding of the kind "${kind}" holds.`)
      : new Panel(name, dialect),
  ]
}

for (const [kind, panelClass] of Object.entries(PANELS)) customElements.define(`unmoor-${kind}`, panelClass)
