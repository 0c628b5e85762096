import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type ivm from 'isolated-vm'
import { UnmoorError } from '../../../core/errors.ts'
import type { Manifest } from '../../../core/manifest.ts'
import { consumedQueues, consumeQueues } from '../../../core/queue-consumer.ts'
import { openCronStore, startCrons } from '../../node-server/runtime/crons/crons.ts'
import type { ServeOptions } from '../../node/runtime/index.ts'
import { migrateRuntime } from '../../node-server/runtime/migrate.ts'
import { composeHandler } from '../../node-server/runtime/server-app.ts'
import { createNodeRuntime } from '../../node-server/runtime/node-runtime.ts'
import { OwnUrl } from '../../node-server/runtime/own-service.ts'
import { startServer } from '../../node-server/runtime/http/server.ts'
import type { IsolateOptions } from '../options.ts'
import { Guest } from './guest.ts'
import { openDebugging } from './debugging.ts'
import type { Sources } from './image.ts'
import { createIsolateRuntime } from './isolate-runtime.ts'
import { readLimits } from './limits.ts'
import { OutboundClient } from './outbound/client.ts'
import { OutboundPolicy, type OutboundRules } from './outbound/rules.ts'
import { StackMapper } from './stack-mapper.ts'

/** Options of {@link startHost}. */
export interface HostOptions extends Omit<ServeOptions, 'options'> {
  manifest: Manifest
  options: IsolateOptions
  ivm: typeof ivm
  sources: Sources
}

/** A host at work: HTTP, crons and queues in front of one app's isolate. */
export interface Host {
  readonly url: string
  /** Stops taking work, lets what runs finish, frees the isolate and the drivers. True if all finished within `seconds`. */
  stop(seconds: number): Promise<boolean>
}

/** Starts everything; what fails leaves nothing open. */
export async function startHost(options: HostOptions): Promise<Host> {
  const { manifest } = options
  const { maxBodyBytes, trustProxy } = options.options
  const port = readPort(process.env['PORT'])
  const own = new OwnUrl()
  const host = await createNodeRuntime({ ...options, options: {} }, own)
  try {
    await migrateRuntime(host, options.migrations)
    const mapper = new StackMapper(join(options.dir, 'app.js.map'))
    const { module, image, limits, showErrors } = openDebugging({ ...options, limits: readLimits(options.options), mapper })
    const privatePaths = [resolve(process.env['DATA_DIR'] || 'data'), options.dir]
    const outbound = new OutboundClient({ policy: new OutboundPolicy(readRules(options.options.outbound)) })
    const runtime = await createIsolateRuntime({
      host,
      manifest,
      limits,
      privatePaths,
      outbound,
      mapper,
      showErrors,
      create: (events) => Guest.start(module, image, limits, events),
    })
    const cronStore = await openCronStore(runtime.name, options.cronStore)
    const server = await startServer(composeHandler(runtime, options.testChannel), { port, host: process.env['HOST'] || '127.0.0.1', maxBodyBytes, trustProxy })
    own.set(server.url)
    const consumers = consumeQueues(consumedQueues(runtime), { handle: (binding, messages, ctx) => runtime.queue(binding, messages, ctx) })
    const scheduler = startCrons(runtime, manifest.crons, cronStore, options.options)
    return {
      url: server.url,
      async stop(seconds) {
        const late = Promise.withResolvers<boolean>()
        const timer = setTimeout(() => late.resolve(false), seconds * 1000)
        const workers = Promise.race([Promise.all([consumers.stop(), scheduler.stop()]).then(() => true), late.promise])
        const finished = await Promise.all([server.stop(seconds), workers])
        clearTimeout(timer)
        // What was cut off hears of it through its signals before the isolate goes.
        if (!finished.every(Boolean)) await sleep(100)
        await runtime.close()
        // process.exit() straight after an isolate was disposed of has crashed; a moment later it does not.
        await sleep(20)
        return finished.every(Boolean)
      },
    }
  } catch (error) {
    await host.close()
    throw error
  }
}

/** The build's rules, and what the environment adds: an artifact meets more than one network. */
function readRules(rules: OutboundRules = {}): OutboundRules {
  const more = (process.env['UNMOOR_OUTBOUND_ALLOW'] ?? '').split(',').map((text) => text.trim())
  return { ...rules, allow: [...(rules.allow ?? []), ...more.filter(Boolean)] }
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return 3000
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65535) throw new UnmoorError('InvalidArgument', `PORT is "${text}", not a number from 0 to 65535.`, { operation: 'start' })
  return port
}
