import type { AttackClass } from '../attack.ts'
import { byKeys, byQueues, driversHost, fillVictim, tenantOn, victimOf } from '../drivers.ts'
import { serverLacks } from '../servers.ts'

const tenant = (): ReturnType<typeof tenantOn> => tenantOn('redis', ['kv', 'pages', 'jobs'])

/** Apps that share a Redis. */
export const redis: AttackClass = {
  name: 'redis',
  promise: 'On a Redis that apps share, an app reaches the keys of its own name alone.',
  tenant,
  others: { [victimOf('redis')]: tenant },
  perApp: 30,
  parallel: 4,
  host: driversHost,
  lacks: () => serverLacks('redis'),
  prepare: (world) =>
    fillVictim(
      world,
      'redis',
      `await env.kv.put('canary', CANARY); await env.pages.put('https://canary.example/canary', new Response(CANARY, { headers: { 'cache-control': 'max-age=3600' } }))`,
    ),
  attacks: [...byKeys('redis', 'kv'), ...byKeys('redis', 'pages'), ...byQueues('redis')],
  hole: {
    is: 'the name of the app is no part of a key',
    file: 'adapters/drivers/redis/server.js',
    from: `names.map((name) => encodeURIComponent(name))`,
    to: `names.slice(1).map((name) => encodeURIComponent(name))`,
    attacks: ['kv: a key that is the victim’s own key', 'pages: a key that is the victim’s own key'],
    why: /the answer has|the victim's/,
  },
}
