/** The panel of a kv: list, read, edit and delete entries. */
import { ask } from './api.ts'
import { attempt, button, field, fill, form, h, notify, size, table, time, View } from './dom.ts'

interface Key {
  name: string
  expiration?: number
}

interface Entry {
  key: string
  /** The value as text, or as base64 if it is no UTF-8; neither if it is too large to edit here. */
  text?: string
  base64?: string
  size: number
  metadata: string | null
  expiration: number | null
}

export class KvPanel extends View {
  #binding: string
  #prefix = h('input', { type: 'search', name: 'prefix' })
  #list = h('div')
  #editor = h('div')
  #keys: Key[] = []
  #cursor: string | undefined

  constructor(binding: string) {
    super()
    this.#binding = binding
  }

  async show(): Promise<void> {
    fill(
      this,
      form(
        () => this.#read(),
        { class: 'row', role: 'search' },
        field('Keys that begin with', this.#prefix, { class: 'inline' }),
        h('button', {}, 'List'),
        button('New entry', async () => this.#edit(undefined)),
      ),
      this.#list,
      this.#editor,
    )
    await this.#read()
  }

  async #read(cursor?: string): Promise<void> {
    const prefix = this.#prefix.value
    const page = await ask<{ keys: Key[]; cursor?: string }>('kv.list', {
      binding: this.#binding,
      prefix,
      cursor,
    })
    this.#keys = cursor === undefined ? page.keys : [...this.#keys, ...page.keys]
    this.#cursor = page.cursor
    fill(
      this.#list,
      this.#keys.length === 0
        ? h('p', {}, 'No entries.')
        : table(
            'Entries',
            ['Key', 'Expires'],
            this.#keys.map(({ name, expiration }) => [
              button(name, () => this.#open(name), { class: 'link' }),
              expiration === undefined ? 'never' : time(expiration * 1000),
            ]),
          ),
      this.#cursor !== undefined && button('More', () => this.#read(this.#cursor)),
    )
  }

  async #open(key: string): Promise<void> {
    const entry = await ask<Entry | null>('kv.get', { binding: this.#binding, key })
    if (entry === null) {
      notify(`There is no entry ${JSON.stringify(key)} any more.`, 'bad')
      await this.#read()
      return
    }
    this.#edit(entry)
  }

  #edit(entry: Entry | undefined): void {
    const key = h('input', {
      name: 'key',
      required: true,
      value: entry?.key ?? '',
      readonly: entry !== undefined,
    })
    const isBase64 = entry?.base64 !== undefined
    const value = h('textarea', { name: 'value', rows: 8, value: entry?.text ?? entry?.base64 ?? '' })
    const metadata = h('input', { name: 'metadata', value: entry?.metadata ?? '' })
    const expiration = h('input', {
      name: 'expiration',
      inputmode: 'numeric',
      pattern: '\\d*',
      value: entry?.expiration ?? '',
    })
    const save = async (): Promise<void> => {
      await ask('kv.put', {
        binding: this.#binding,
        key: key.value,
        [isBase64 ? 'base64' : 'text']: value.value,
        metadata: metadata.value === '' ? null : metadata.value,
        expiration: expiration.value === '' ? null : Number(expiration.value),
      })
      await this.#read()
      if (entry === undefined) await this.#open(key.value)
      notify(`${key.value}: saved.`, 'good')
    }
    const isShown = entry === undefined || entry.text !== undefined || isBase64
    const title = h('h3', { tabindex: -1 }, entry === undefined ? 'New entry' : entry.key)
    fill(
      this.#editor,
      form(
        save,
        { 'aria-label': 'Entry' },
        title,
        field('Key', key),
        isShown
          ? field(isBase64 ? 'Value (base64)' : 'Value', value)
          : h('p', {}, `The value has ${size(entry.size)}, which is too much to edit here.`),
        field('Metadata (JSON; may be empty)', metadata),
        field('Expires (seconds since 1970; may be empty)', expiration),
        h(
          'div',
          { class: 'row' },
          isShown && h('button', {}, 'Save'),
          entry !== undefined && button('Delete', () => this.#delete(entry.key)),
          button('Close', async () => fill(this.#editor)),
        ),
      ),
    )
    ;(entry === undefined ? key : isShown ? value : title).focus()
  }

  async #delete(key: string): Promise<void> {
    if (!confirm(`Delete the entry ${JSON.stringify(key)}?`)) return
    await attempt(async () => {
      await ask('kv.delete', { binding: this.#binding, key })
      fill(this.#editor)
      await this.#read()
      notify(`${key}: deleted.`, 'good')
    })
  }
}
