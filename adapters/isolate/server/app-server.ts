import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type ivm from 'isolated-vm'
import type { Manifest } from '../../../core/manifest.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'
import type { ServeOptions } from '../../node-server/runtime/serve-options.ts'
import { type ServerApp, startServerApp } from '../../node-server/runtime/server-app.ts'
import type { WorkerSocketServer } from '../../node-server/runtime/worker-sockets/server.ts'
import type { SocketServer } from '../../node-server/runtime/web-sockets/socket-server.ts'
import type { IsolateOptions } from '../options.ts'
import { Engine } from '../engine/engine.ts'
import { isDebugged, NO_LIMIT_MS, openDebugging } from './debugging.ts'
import type { Sources } from '../engine/isolate-factory.ts'
import { createIsolateRuntime, type IsolateRuntime } from './isolate-runtime.ts'
import { readLimits } from '../engine/limits.ts'
import { OutboundClient } from '../services/outbound/client.ts'
import { OutboundPolicy, type OutboundRules } from '../services/outbound/rules.ts'
import { StackMapper } from './stack-mapper.ts'
import type { CreateWorkerSockets } from './worker-sockets.ts'

/** Options of {@link startAppServer}, which serves one app over HTTP. */
export interface AppServerOptions extends Omit<ServeOptions, 'options'> {
  manifest: Manifest
  options: IsolateOptions
  ivm: typeof ivm
  sources: Sources
  /** Creates the server of an existing Worker's WebSockets; only in artifacts of Workers that use them. */
  workerSockets?: CreateWorkerSockets | undefined
}

/** Starts HTTP, crons and queues in front of one app's isolate. A failed start leaves nothing open. */
export function startAppServer(options: AppServerOptions): Promise<ServerApp> {
  let held: SocketServer | undefined
  const { sockets } = options
  const workerSockets = options.workerSockets?.(options.name)
  return startServerApp({
    ...options,
    app: workerSockets === undefined ? options.app : { ...options.app, upgrades: workerSockets },
    ...(sockets === undefined ? {} : { sockets: (given) => (held = sockets(given)) }),
    // A debugging run has no wall-clock limit, because the app may be stopped at a breakpoint.
    ...(isDebugged() ? { options: { ...options.options, wallTimeout: NO_LIMIT_MS / 1000 } } : {}),
    createRuntime: (drivers) => startIsolate(options, drivers, held, workerSockets),
    async close(runtime, finished) {
      // Give app events that were cut off time to react to their abort signals before the isolate ends.
      if (!finished) await sleep(100)
      await runtime.close()
      // process.exit() has crashed right after an isolate was disposed of. A short pause avoids the crash.
      await sleep(20)
    },
  })
}

/** Starts the app's isolate on the drivers that this process has open. */
function startIsolate(
  options: AppServerOptions,
  drivers: Runtime,
  sockets: SocketServer | undefined,
  workerSockets: WorkerSocketServer | undefined,
): Promise<IsolateRuntime> {
  const { manifest } = options
  const mapper = new StackMapper(join(options.dir, 'app.js.map'))
  const { module, factory, limits, showErrors } = openDebugging({
    ...options,
    limits: readLimits(options.options),
    mapper,
  })
  const privatePaths = [resolve(process.env['DATA_DIR'] || 'data'), options.dir]
  const outbound = new OutboundClient({ policy: new OutboundPolicy(readRules(options.options.outbound)) })
  return createIsolateRuntime({
    host: drivers,
    manifest,
    privatePaths,
    outbound,
    mapper,
    showErrors,
    ...(sockets === undefined ? {} : { sockets: (binding) => sockets.transportOf(binding) }),
    ...(workerSockets === undefined
      ? {}
      : {
          webSockets: {
            connect: async (handshake) => workerSockets.connect(handshake, outbound.handshake(handshake.url)),
          },
        }),
    create: (events) => Engine.start(module, factory, limits, events),
  })
}

/**
 * Joins the build's outbound rules with those of UNMOOR_OUTBOUND_ALLOW: one artifact may run on several
 * networks.
 */
function readRules(rules: OutboundRules = {}): OutboundRules {
  const more = (process.env['UNMOOR_OUTBOUND_ALLOW'] ?? '').split(',').map((text) => text.trim())
  return { ...rules, allow: [...(rules.allow ?? []), ...more.filter(Boolean)] }
}
