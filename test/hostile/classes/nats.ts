import type { AttackClass } from '../attack.ts'
import { byQueues, driversHost, tenantOn, victimOf } from '../drivers.ts'
import { serverLacks } from '../servers.ts'

const tenant = (): ReturnType<typeof tenantOn> => tenantOn('nats', ['jobs'])

const attacks = byQueues('nats')

/** Apps that share a NATS server. */
export const nats: AttackClass = {
  name: 'nats',
  promise: 'On a NATS server that apps share, an app’s messages reach that app alone.',
  tenant,
  others: { [victimOf('nats')]: tenant },
  parallel: 4,
  host: driversHost,
  lacks: () => serverLacks('nats'),
  attacks,
  hole: {
    is: 'all apps have one stream',
    file: 'adapters/drivers/nats/stream.js',
    from: 'const tokens = [prefix, app, binding].map(token);',
    to: 'const tokens = [prefix, binding].map(token);',
    // The server decides which of the apps gets a message.
    attacks: attacks.map(({ name }) => name),
    why: /another app got the message/,
  },
}
