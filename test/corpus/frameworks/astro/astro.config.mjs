import cloudflare from '@astrojs/cloudflare'
import { defineConfig } from 'astro/config'

export default defineConfig({
  output: 'server',
  build: { inlineStylesheets: 'never' },
  adapter: cloudflare({ imageService: 'compile' }),
})
