import type { AttackClass } from './attack.ts'
import { admin } from './classes/admin.ts'
import { alarms } from './classes/alarms.ts'
import { artifacts } from './classes/artifacts.ts'
import { bridge } from './classes/bridge.ts'
import { clocks } from './classes/clocks.ts'
import { cpu } from './classes/cpu.ts'
import { crons } from './classes/crons.ts'
import { disk } from './classes/disk.ts'
import { framing } from './classes/framing.ts'
import { keys } from './classes/keys.ts'
import { logs } from './classes/logs.ts'
import { memory } from './classes/memory.ts'
import { nats } from './classes/nats.ts'
import { objects } from './classes/objects.ts'
import { postgres } from './classes/postgres.ts'
import { prototype } from './classes/prototype.ts'
import { realm } from './classes/realm.ts'
import { redis } from './classes/redis.ts'
import { routes } from './classes/routes.ts'
import { s3 } from './classes/s3.ts'
import { services } from './classes/services.ts'
import { sharePort } from './classes/share-port.ts'
import { slow } from './classes/slow.ts'
import { smuggling } from './classes/smuggling.ts'
import { sockets } from './classes/sockets.ts'
import { sql } from './classes/sql.ts'
import { ssrf } from './classes/ssrf.ts'
import { threads } from './classes/threads.ts'
import { timers } from './classes/timers.ts'

/** Every class of attacks. SECURITY.md names each beside the promise that it holds. */
export const CORPUS: readonly AttackClass[] = [
  bridge,
  realm,
  prototype,
  framing,
  smuggling,
  ssrf,
  sql,
  keys,
  admin,
  artifacts,
  memory,
  cpu,
  threads,
  disk,
  logs,
  timers,
  slow,
  services,
  clocks,
  routes,
  sockets,
  crons,
  objects,
  alarms,
  postgres,
  redis,
  nats,
  s3,
  sharePort,
]
