import type { AttackClass } from '../attack.ts'
import { byKeys, driversHost, fillVictim, tenantOn, victimOf } from '../drivers.ts'
import { serverLacks } from '../servers.ts'

const tenant = (): ReturnType<typeof tenantOn> => tenantOn('s3', ['files'])

/** Apps that share a bucket, of a server that speaks S3. */
export const s3: AttackClass = {
  name: 's3',
  promise: 'In a bucket that apps share, an app reaches the objects below its own name alone.',
  tenant,
  others: { [victimOf('s3')]: tenant },
  perApp: 30,
  parallel: 4,
  host: driversHost,
  lacks: () => serverLacks('s3'),
  prepare: (world) => fillVictim(world, 's3', `await env.files.put('canary', CANARY)`),
  attacks: byKeys('s3', 'files'),
  hole: {
    is: 'the name of the app is no part of an object’s name',
    file: 'adapters/drivers/s3/index.js',
    from: 'options.prefix ?? `${context.app}/${context.binding}/`',
    to: 'options.prefix ?? `${context.binding}/`',
    attacks: ['files: a key that is the victim’s own key', 'files: a key that is a slash'],
    why: /the answer has|the victim's/,
  },
}
