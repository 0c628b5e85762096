/** The panel of a blob store: list, download, upload and delete. */
import { ask, readBlob, writeBlob } from './api.ts'
import { button, field, fill, form, h, notify, size, table, time, View } from './dom.ts'

interface Info {
  key: string
  size: number
  uploaded: string
  httpMetadata: { contentType?: string }
}

export class BlobPanel extends View {
  #binding: string
  #list = h('div')
  #blobs: Info[] = []

  constructor(binding: string) {
    super()
    this.#binding = binding
  }

  async show(): Promise<void> {
    const file = h('input', { type: 'file', name: 'file', required: true })
    const key = h('input', { name: 'key' })
    fill(
      this,
      this.#list,
      form(
        async () => {
          const [chosen] = file.files ?? []
          if (chosen === undefined) return
          const name = key.value === '' ? chosen.name : key.value
          await writeBlob(this.#binding, name, chosen)
          await this.#read()
          notify(`${name}: stored.`, 'good')
        },
        { class: 'row', 'aria-label': 'Upload' },
        field('File', file, { class: 'inline' }),
        field("Key (default: the file's name)", key, { class: 'inline' }),
        h('button', {}, 'Upload'),
      ),
    )
    await this.#read()
  }

  async #read(startAfter?: string): Promise<void> {
    const page = await ask<{ blobs: Info[]; complete: boolean }>('blob.list', {
      binding: this.#binding,
      startAfter,
    })
    this.#blobs = startAfter === undefined ? page.blobs : [...this.#blobs, ...page.blobs]
    fill(
      this.#list,
      this.#blobs.length === 0
        ? h('p', {}, 'No blobs.')
        : table(
            'Blobs',
            ['Key', 'Size', 'Type', 'Stored', ''],
            this.#blobs.map((blob) => [
              blob.key,
              size(blob.size),
              blob.httpMetadata.contentType ?? '',
              time(blob.uploaded),
              this.#buttons(blob.key),
            ]),
          ),
      !page.complete && button('More', () => this.#read(this.#blobs.at(-1)?.key)),
    )
  }

  #buttons(key: string): HTMLElement {
    return h(
      'div',
      { class: 'row' },
      button('Download', () => this.#download(key), { 'aria-label': `Download ${key}` }),
      button('Delete', () => this.#delete(key), { 'aria-label': `Delete ${key}` }),
    )
  }

  async #download(key: string): Promise<void> {
    const url = URL.createObjectURL(await readBlob(this.#binding, key))
    h('a', { href: url, download: key.split('/').at(-1) ?? key }).click()
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }

  async #delete(key: string): Promise<void> {
    if (!confirm(`Delete the blob ${JSON.stringify(key)}?`)) return
    await ask('blob.delete', { binding: this.#binding, key })
    await this.#read()
    notify(`${key}: deleted.`, 'good')
  }
}
