import { optimize, type Config } from 'svgo/browser'
import { defineApp } from 'unmoor'

const CONFIGS: Readonly<Record<string, Config>> = {
  '/default': {},
  '/pretty': { js2svg: { pretty: true, indent: 2 }, multipass: true },
  '/uri': { datauri: 'base64' },
  '/ids': { plugins: [{ name: 'prefixIds', params: { prefix: 'p', delim: '-' } }, 'sortAttrs'] },
}

export default defineApp({
  async fetch(request) {
    try {
      const { data } = optimize(await request.text(), CONFIGS[new URL(request.url).pathname] ?? {})
      return new Response(data, { headers: { 'content-type': 'image/svg+xml' } })
    } catch (error) {
      return new Response((error as Error).name, { status: 400 })
    }
  },
})
