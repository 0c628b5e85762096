import type { Assets } from '../../bindings/assets.ts'
import type { KvDriver, KvEntry } from '../../bindings/drivers.ts'
import { Kv } from '../../bindings/kv.ts'
import { UnmoorError } from '../../errors.ts'
import { exactUrl } from './exact-path.ts'
import { WorkersKv } from './kv.ts'
import type { WorkerSpec } from './spec.ts'
import { portable } from './state.ts'

/** Creates `__STATIC_CONTENT` of Workers Sites: a read-only KV namespace with the site's files. */
export function createSite({ binding, manifest }: NonNullable<WorkerSpec['site']>): WorkersKv {
  const kv = new Kv(new SiteDriver(binding, manifest), { binding: '__STATIC_CONTENT' })
  return new WorkersKv(() => kv)
}

class SiteDriver implements KvDriver {
  #binding: string
  /** Asset paths of a Workers Site by KV key. A file's own path is a key too, as with wrangler dev. */
  #paths: ReadonlyMap<string, string>
  #keys: readonly string[]

  constructor(binding: string, manifest: Readonly<Record<string, string>>) {
    this.#binding = binding
    const files = Object.entries(manifest)
    this.#paths = new Map([
      ...files.map(([path]) => [path, path] as const),
      ...files.map(([path, key]) => [key, path] as const),
    ])
    this.#keys = files.map(([, key]) => key).sort()
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const path = this.#paths.get(key)
    if (path === undefined) return null
    const response = await portable<Assets>(this.#binding).fetch(
      new URL(exactUrl(`/${path}`), 'http://assets'),
    )
    if (response.status !== 200)
      throw new UnmoorError('Internal', `The artifact lacks ${path} of the site. Build the app again.`)
    if (as === 'text') return { value: await response.text() }
    if (as === 'stream' && response.body !== null) return { value: response.body }
    return { value: new Uint8Array(await response.arrayBuffer()) }
  }

  put(): Promise<void> {
    throw new UnmoorError('Unsupported', 'Cannot put() with Workers Sites namespace')
  }

  delete(): Promise<void> {
    throw new UnmoorError('Unsupported', 'Cannot delete() with Workers Sites namespace')
  }

  async list({
    prefix,
    cursor,
    limit,
  }: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): Promise<{ keys: { name: string }[]; cursor?: string | undefined }> {
    const after = cursor ?? ''
    const rest = this.#keys.filter((key) => key.startsWith(prefix) && key > after)
    const keys = rest.slice(0, limit)
    return {
      keys: keys.map((name) => ({ name })),
      ...(rest.length > limit ? { cursor: keys.at(-1) } : {}),
    }
  }
}
