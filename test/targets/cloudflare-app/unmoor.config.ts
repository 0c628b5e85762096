import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'cf-app',
  entry: './app.ts',
  targets: { cloudflare: { options: { kv: { links: { id: '0123456789abcdef0123456789abcdef' } } } } },
})
