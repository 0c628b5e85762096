import { defineConfig } from 'unmoor'

// CHAT=shared at the build: several processes serve the same rooms, over Redis and Postgres (REDIS_URL,
// DATABASE_URL). Otherwise one process has everything and needs no server.
const isShared = process.env['CHAT'] === 'shared'

export default defineConfig({
  name: 'chat',
  targets: {
    node: {
      drivers: isShared
        ? { chat: 'redis', present: 'redis', history: 'postgres' }
        : { chat: 'memory', present: 'sqlite', history: 'sqlite' },
    },
    // More Durable Objects hold more sockets, and each message to a room is a call of every one of them.
    cloudflare: {
      drivers: { chat: { driver: 'cloudflare', shards: 2 }, present: 'cloudflare', history: 'cloudflare' },
    },
    lambda: { drivers: { chat: 'api-gateway', present: 'dynamodb', history: 'postgres' } },
    isolate: { drivers: { chat: 'memory', present: 'sqlite', history: 'sqlite' } },
  },
})
