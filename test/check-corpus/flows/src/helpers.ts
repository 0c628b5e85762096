import type { BlobStore, Kv } from 'unmoor'
import { MINUTE } from './tools.ts'

export interface Stores {
  main: Kv
  files: BlobStore
}

export async function remember(store, key: string): Promise<void> {
  await store.put(key, 'x', { ttl: MINUTE / 2 }) // expect: kv-ttl
}

export const helpers = {
  limit: 2000,
  async save(all) {
    const { links } = all
    await links.list({ limit: 2000 }) // expect: kv-list
    await this.again(links)
  },
  async again(store) {
    await store.get('') // expect: kv-key
  },
}

export const later = async (store) => (await store()).put('from a function', 'x', { ttl: 1 }) // expect: kv-ttl

export async function viaType({ main, files }: Stores): Promise<void> {
  await main.put('interface', 'x', { ttl: 1 }) // expect: kv-ttl
  await files.list({ limit: 1001 }) // expect: blob-list
}

export default function makeCounter(store) {
  return {
    add: () => store.putIf('n', '1', { absent: true }, { ttl: 1 }), // expect: kv-ttl
  }
}
