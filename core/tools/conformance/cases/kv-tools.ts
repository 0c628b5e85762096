import { equal } from '../assert.ts'
import type { Kv } from '../../../bindings/kv.ts'

/** Returns all kv key names below a prefix, page by page. */
export async function names(kv: Kv, prefix: string, limit?: number): Promise<string[]> {
  const all: string[] = []
  let cursor: string | undefined
  do {
    const page = await kv.list({
      prefix,
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    all.push(...page.keys.map(({ name }) => name.slice(prefix.length)))
    equal(page.complete, page.cursor === undefined, 'complete, where there is no cursor')
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}

/** Puts a value under each kv key. */
export async function putAll(kv: Kv, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 50)
    await Promise.all(keys.slice(at, at + 50).map((key) => kv.put(key, 'x')))
}
