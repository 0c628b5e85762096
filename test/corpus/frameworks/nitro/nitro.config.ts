import { defineNitroConfig } from 'nitropack/config'

export default defineNitroConfig({
  srcDir: 'server',
  preset: 'cloudflare_module',
  compatibilityDate: '2026-10-01',
  cloudflare: {
    deployConfig: true,
    nodeCompat: true,
    wrangler: {
      name: 'nitro-site',
      vars: { OWNER: 'Ada' },
      kv_namespaces: [{ binding: 'NOTES', id: '0123456789abcdef0123456789abcdef' }],
    },
  },
  publicAssets: [{ dir: '../public' }],
  storage: { notes: { driver: 'cloudflare-kv-binding', binding: 'NOTES' } },
  routeRules: {
    '/old': { redirect: '/' },
    '/api/**': { cors: true },
    '/marked/**': { headers: { 'x-marked': 'by a rule' } },
  },
})
