/** Writes one of each kind that the simulator keeps on disk, and reads them. */
import { blob, defineApp, defineBindings, kv, sql } from 'unmoor'

const bindings = defineBindings({
  links: kv(),
  counts: kv({ consistency: 'strong' }),
  icons: blob(),
  stats: sql({ migrations: './migrations' }),
})

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { searchParams } = new URL(request.url)
    const value = searchParams.get('write')
    if (value !== null) {
      await env.links.put('key', value, { metadata: { by: value } })
      await env.counts.put('key', value)
      await env.icons.put('folder/key', value, { customMetadata: { by: value } })
      await env.stats.run('INSERT INTO notes (text) VALUES (?)', [value])
    }
    const icon = await env.icons.get('folder/key')
    return Response.json({
      kv: await env.links.getWithMetadata('key'),
      strong: await env.counts.get('key'),
      blob: icon === null ? null : { text: await icon.text(), by: icon.customMetadata?.['by'] },
      sql: await env.stats.all('SELECT text FROM notes'),
    })
  },
})
