import { Blob, blobBytes, File } from '../data/blob.ts'
import { toUSVString } from '../convert.ts'
import { finish } from '../define.ts'
import { iterate } from '../data/search-params.ts'

type Entry = [name: string, value: string | File]

export class FormData {
  #entries: Entry[] = []

  constructor(form?: unknown) {
    finish(FormData)
    if (form !== undefined) throw new TypeError('FormData: there are no forms here')
  }

  append(name: string, value: unknown, filename?: string): void {
    need(arguments.length, 2)
    this.#entries.push(toEntry(name, value, filename, arguments.length > 2))
  }
  delete(name: string): void {
    need(arguments.length, 1)
    const key = toUSVString(name)
    this.#entries = this.#entries.filter((entry) => entry[0] !== key)
  }
  get(name: string): string | File | null {
    need(arguments.length, 1)
    const key = toUSVString(name)
    return this.#entries.find((entry) => entry[0] === key)?.[1] ?? null
  }
  getAll(name: string): (string | File)[] {
    need(arguments.length, 1)
    const key = toUSVString(name)
    return this.#entries.filter((entry) => entry[0] === key).map((entry) => entry[1])
  }
  has(name: string): boolean {
    need(arguments.length, 1)
    const key = toUSVString(name)
    return this.#entries.some((entry) => entry[0] === key)
  }
  set(name: string, value: unknown, filename?: string): void {
    need(arguments.length, 2)
    const entry = toEntry(name, value, filename, arguments.length > 2)
    const index = this.#entries.findIndex((other) => other[0] === entry[0])
    if (index < 0) this.#entries.push(entry)
    else
      this.#entries = this.#entries.flatMap((other, at) =>
        at === index ? [entry] : other[0] === entry[0] ? [] : [other],
      )
  }
  forEach(callback: (value: string | File, name: string, form: FormData) => void, self?: unknown): void {
    if (typeof callback !== 'function') throw new TypeError('forEach takes a function')
    for (const [name, value] of this) callback.call(self, value, name, this)
  }
  keys(): IterableIterator<string> {
    return iterate(
      'FormData',
      () => this.#entries,
      (entry) => entry[0],
    )
  }
  values(): IterableIterator<string | File> {
    return iterate(
      'FormData',
      () => this.#entries,
      (entry) => entry[1],
    )
  }
  entries(): IterableIterator<Entry> {
    return iterate(
      'FormData',
      () => this.#entries,
      (entry) => [entry[0], entry[1]] as Entry,
    )
  }
  declare [Symbol.iterator]: () => IterableIterator<Entry>
  static {
    Object.defineProperty(this.prototype, Symbol.iterator, {
      value: this.prototype.entries,
      writable: true,
      configurable: true,
    })
  }
}

function toEntry(name: unknown, value: unknown, filename: unknown, named: boolean): Entry {
  const key = toUSVString(name)
  if (!(value instanceof Blob)) {
    if (named) throw new TypeError('FormData: a filename goes with a Blob')
    return [key, toUSVString(value)]
  }
  const hasName = named && filename !== undefined
  if (value instanceof File && !hasName) return [key, value]
  const options =
    value instanceof File ? { type: value.type, lastModified: value.lastModified } : { type: value.type }
  return [key, new File([blobBytes(value)], hasName ? filename : 'blob', options)]
}

function need(given: number, wanted: number): void {
  if (given < wanted)
    throw new TypeError(
      `FormData: ${wanted} argument${wanted > 1 ? 's' : ''} required, but only ${given} present.`,
    )
}
