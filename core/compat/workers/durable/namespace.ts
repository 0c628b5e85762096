import { wrongArgument } from '../coerce.ts'
import { asInterface, checkArguments } from '../interface.ts'
import { createStub } from '../loopback.ts'
import { remoteMethod } from '../rpc-target.ts'
import { passResult, passValue, remote } from '../references.ts'
import { connect } from '../sockets.ts'
import { state } from '../state.ts'
import { onAlarm } from './alarms.ts'
import { DurableObjectId, idFromName, idFromString, newUniqueId } from './id.ts'
import { type DurableObjectState, Instance } from './instance.ts'

/**
 * Milliseconds without an event after which a Durable Object may be evicted, as on Cloudflare; its storage
 * stays.
 */
const IDLE = 120_000
/**
 * Number of Durable Objects in memory above which idle ones are evicted (MANY), and how many of the oldest
 * are examined each time (LOOK).
 */
const MANY = 100
const LOOK = 4

/** Durable Objects in memory, least recently opened first. */
const instances = new Map<string, Instance>()

function open(className: string, id: DurableObjectId): Instance {
  const key = `${className}/${id.toString()}`
  const known = instances.get(key)
  if (known !== undefined) {
    instances.delete(key)
    instances.set(key, known)
    return known
  }
  if (instances.size >= MANY) giveUpIdle()
  const Class = state.module[className] as ConstructorParameters<typeof Instance>[2]
  const instance: Instance = new Instance(id, className, Class, state.env, () => {
    if (instances.get(key) === instance) instances.delete(key)
    state.webSockets?.hibernation.reset(key)
  })
  instances.set(key, instance)
  return instance
}

/** Evicts idle Durable Objects among the oldest; the creation of an object examines a few, never all. */
function giveUpIdle(): void {
  const before = Date.now() - IDLE
  for (const [key, instance] of instances.entries().take(LOOK)) {
    if (!instance.isBusy && instance.used >= before) return
    instances.delete(key)
    // Busy Durable Objects move to the end of the list, so that they do not block the eviction of others.
    if (instance.isBusy) instances.set(key, instance)
  }
}

/**
 * Returns the Durable Object with this key (class and id), loaded into memory. @throws if the Worker lacks
 * its class.
 */
function openByKey(key: string): Instance {
  const [className = '', hex = ''] = key.split('/')
  if (typeof state.module[className] !== 'function')
    throw new Error(`The Worker exports no class "${className}".`)
  return open(className, idFromString(className, hex))
}

/**
 * Runs an event of the Durable Object with this key (class and id); the object is created if it is not in
 * memory.
 */
export async function runInObject(
  key: string,
  work: (object: Record<string, unknown>, state: DurableObjectState) => unknown,
): Promise<void> {
  const instance = openByKey(key)
  await instance.run((object) => work(object, instance.state))
}

/**
 * Evicts a Durable Object that had no event for `idle` milliseconds; returns `stays` for an object that
 * remains.
 */
export function evictIdle(key: string, idle: number): 'stays' | 'gone' {
  const instance = instances.get(key)
  if (instance === undefined) return 'gone'
  if (instance.isBusy || instance.used > Date.now() - idle) return 'stays'
  instances.delete(key)
  return 'gone'
}

onAlarm(async (object, info) => {
  const className = object.slice(0, object.indexOf('/'))
  await openByKey(object).run((instance) => {
    if (typeof instance['alarm'] !== 'function')
      throw new Error(`The class "${className}" has no alarm() handler.`)
    return (instance['alarm'] as (info: object) => unknown)(info)
  })
})

/** Stub by which a Durable Object is called; methods of its class exist on it too. */
interface ObjectStub {
  readonly id: DurableObjectId
  readonly name?: string
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  connect(address: unknown): never
}

interface Namespace {
  idFromName(name: string): DurableObjectId
  idFromString(text: string): DurableObjectId
  newUniqueId(): DurableObjectId
  get(id: DurableObjectId): ObjectStub
  getByName(name: string): ObjectStub
  jurisdiction(name: string): Namespace
}

/**
 * Creates Cloudflare's DurableObjectNamespace for a class. All objects of the class live in this process, one
 * instance per id.
 */
export function createNamespace(className: string): Namespace {
  const get = (id: DurableObjectId): ObjectStub => {
    if (!(id instanceof DurableObjectId))
      throw wrongArgument('DurableObjectNamespace', 'get', 1, 'DurableObjectId')
    return createObjectStub(className, idFromString(className, String(id)), id.name)
  }
  // Methods of their own, not of the class: `ctx.exports` hands them out without the namespace.
  const namespace: Namespace = Object.assign(new DurableObjectNamespace(), {
    idFromName: (name: string) => idFromName(className, String(name)),
    idFromString: (text: string) => idFromString(className, text),
    newUniqueId: () => newUniqueId(className),
    get,
    getByName: (name: string) => get(idFromName(className, String(name))),
    // All Durable Objects are in one place, so `jurisdiction()` returns a namespace of the same objects.
    jurisdiction: () => createNamespace(className),
  })
  checkArguments(namespace, 'DurableObjectNamespace', {
    sync: {
      idFromName: ['string'],
      idFromString: ['string'],
      newUniqueId: [],
      get: ['DurableObjectId'],
      getByName: ['string'],
      jurisdiction: [],
    },
  })
  return namespace
}

/** The class that `constructor.name` and `String(namespace)` show. */
// oxlint-disable-next-line typescript/no-extraneous-class -- only its name is used
class DurableObjectNamespace {}
asInterface(DurableObjectNamespace, 'DurableObjectNamespace')

/** The class that `constructor.name` and `String(stub)` show. */
// oxlint-disable-next-line typescript/no-extraneous-class -- only its name is used
class Stub {}
asInterface(Stub, 'DurableObject')

function createObjectStub(className: string, plain: DurableObjectId, name: string | undefined): ObjectStub {
  const id = name === undefined ? plain : idFromName(className, name)
  let used: Instance | undefined
  // A stub whose Durable Object was reset stays broken, as on Cloudflare: only a new stub reaches the object
  // again.
  const run = async <T>(work: (object: Record<string, unknown>) => T | Promise<T>): Promise<Awaited<T>> => {
    used?.check()
    used = open(className, id)
    return used.run(work)
  }
  const known = Object.assign(new Stub(), {
    id,
    ...(name === undefined ? {} : { name }),
    connect,
    fetch: (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const request = new Request(input, { redirect: 'manual', ...init })
      return remote(
        run((object) => {
          if (typeof object['fetch'] !== 'function')
            throw new Error('Handler does not export a fetch() function.')
          return (object['fetch'] as (request: Request) => Promise<Response>)(request)
        }),
      )
    },
  })
  for (const method of ['connect', 'fetch']) Object.defineProperty(known, method, { enumerable: false })
  return createStub(known, (method, args) =>
    remote(
      run(async (object) => {
        const found = remoteMethod(object, method)
        return passResult(
          typeof found === 'function' && args !== undefined
            ? await (found as (...args: unknown[]) => unknown)(...args.map(passValue))
            : found,
        )
      }),
    ),
  )
}
