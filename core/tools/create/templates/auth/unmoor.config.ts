import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'my-app',
  // SQLite on node and isolate, D1 on cloudflare, Postgres on lambda. For Postgres on node, install postgres:
  // targets: { node: { drivers: { db: { driver: 'postgres', url: { env: 'DATABASE_URL' } } } } },
})
