import { defineConfig } from 'unmoor'

export default defineConfig({
  // The Worker as wrangler deploys it. Drivers go by unmoor's names of its bindings: NOTES is notes.
  worker: './wrangler.jsonc',
})
