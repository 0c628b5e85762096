/**
 * The guest's end of the bridge. Messages are flat arrays `[operation, ...data]` that isolated-vm copies as
 * data. What is queued while the isolate runs leaves it when its microtasks are done: in one call that nobody
 * waits for, or, where the host entered from its own thread, in a call per message, which is cheaper there.
 */

import { leaveContext } from '../async-context.ts'
import { Lane } from './lane.ts'
import { weigh } from './weigh.ts'

/**
 * What may be on its way to the host, which takes it in on the one thread that all tenants share: beyond it
 * the guest waits until the host has it.
 */
const MAX_UNDER_WAY = 4 * 1024 * 1024

/** One message. */
export type Message = readonly [operation: string, ...data: unknown[]]
/** What the host hands in: copied callbacks, kept in this closure and nowhere else. */
export interface HostCalls {
  /**
   * Sends a batch from another thread than the host's, and what it weighs; nothing comes back and nothing is
   * thrown.
   */
  post(batch: readonly Message[], weight: number): void
  /**
   * Sends one message while the host waits in this very thread; the first that leaves at once brings the
   * weight of all.
   */
  say(weight: number, ...message: Message): void
  /** Calls the host synchronously. */
  call(operation: string, ...data: unknown[]): unknown
}

type Handler = (...data: never[]) => void

let host: HostCalls | undefined
let outbox: Message[] = []
let outboxWeight = 0
let underWay = 0
let seen = 0
let turns = 0
let scheduled = false
/** True if the host entered from its own thread. */
let inline = false
let nextCall = 1
const calls = new Map<
  number,
  {
    lane: Lane | undefined
    weight: number
    resolve: (value: unknown) => void
    reject: (error: unknown) => void
  }
>()
// Kinds that have no lane here (compression) each wait for their own stream.
const lanes: Readonly<Record<string, Lane>> = {
  __proto__: null as never,
  binding: new Lane(),
  bindingFetch: new Lane(),
  fetch: new Lane(),
  socket: new Lane(),
  subtle: new Lane(),
}
const handlers = new Map<string, Handler>()
const resolved = Promise.resolve()
const then = Promise.prototype.then
const apply = Reflect.apply

/** Runs `work` as a microtask, whatever a tenant did to `queueMicrotask` or `Promise.prototype.then`. */
export function microtask(work: () => void): void {
  void apply(then, resolved, [work])
}

/** Connects the guest. Before it (while a snapshot is built) nothing reaches the host. */
export function connect(hostCalls: HostCalls): void {
  host = hostCalls
}

/** Sends a message to the host. */
export function post(...message: [string, ...unknown[]]): void {
  outbox[outbox.length] = message
  outboxWeight += weigh(message)
  if (outboxWeight > MAX_UNDER_WAY && host !== undefined) send()
  if (scheduled) return
  scheduled = true
  seen = 0
  turns = 0
  microtask(flush)
}

// Microtasks that follow may have more to say: wait until a turn added nothing, but not for ever.
function flush(): void {
  if (outbox.length > seen && turns < 16) {
    seen = outbox.length
    turns++
    microtask(flush)
    return
  }
  scheduled = false
  send()
}

function send(): void {
  const batch = outbox
  const weight = outboxWeight
  outbox = []
  outboxWeight = 0
  if (batch.length === 0) return
  if (inline) return sayAll(batch, weight)
  connected().post(batch, weight)
  underWay += weight
  if (underWay <= MAX_UNDER_WAY) return
  // Answered when all that was sent before has been taken in.
  callSync('taken')
  underWay = 0
}

function sayAll(batch: readonly Message[], weight: number): void {
  silent = 0
  const { say } = connected()
  for (let index = 0; index < batch.length; index++) {
    const message = batch[index] as Message
    if (message.length === 6)
      say(index === 0 ? weight : 0, message[0], message[1], message[2], message[3], message[4], message[5])
    else apply(say, undefined, [index === 0 ? weight : 0, ...message])
  }
}

/** Calls the host and waits for its answer within the isolate. Throws what the host throws. */
export function callSync(operation: string, ...data: unknown[]): unknown {
  return connected().call(operation, ...data)
}

function connected(): HostCalls {
  if (host === undefined) throw new Error('The host is not connected yet.')
  return host
}

/** Sends a message that the host answers. */
export function request(operation: string, ...data: unknown[]): Promise<unknown> {
  const id = nextCall++
  return new Promise((resolve, reject) => {
    const lane = lanes[operation]
    const weight = lane === undefined ? 0 : weigh(data)
    calls.set(id, { lane, weight, resolve, reject })
    if (lane === undefined) post('call', id, operation, data)
    else lane.enter(weight, () => post('call', id, operation, data))
  })
}

function settle(id: number): ReturnType<typeof calls.get> {
  const call = calls.get(id)
  calls.delete(id)
  call?.lane?.leave(call.weight)
  return call
}

/** Sets what a message of the host does. */
export function on(operation: string, handler: Handler): void {
  handlers.set(operation, handler)
}

let decodeError: (data: unknown) => unknown = (data) => data
/** Sets how a failure's data becomes the error that callers see. */
export function setErrorDecoder(decode: (data: unknown) => unknown): void {
  decodeError = decode
}
/** The error that the host described. */
export function toError(data: unknown): unknown {
  return decodeError(data)
}

on('ok', (id: number, value: unknown) => settle(id)?.resolve(value))
on('error', (id: number, data: unknown) => settle(id)?.reject(decodeError(data)))

let report: (error: unknown) => void = () => {}
/** Sets where errors go that no caller sees. */
export function setReporter(reporter: (error: unknown) => void): void {
  report = reporter
}
/** Reports an error that no caller sees. */
export function reportError(error: unknown): void {
  report(error)
}

type FetchHandler = (id: number, method: string, url: string, headers: string, body: unknown) => void
let handleFetch: FetchHandler = () => {}
/** Id of the request whose handler is in its synchronous part and has sent nothing; 0 if there is none. */
let silent = 0
let answer: string | undefined

/** Longer answers than this are said, without being joined. */
const MAX_JOINED = 16 * 1024

/** Sends the answer to a request. */
export function respond(
  id: number,
  status: number,
  statusText: string,
  headers: string,
  body: unknown,
): void {
  if (
    id === silent &&
    outbox.length === 0 &&
    status >= 200 &&
    statusText === '' &&
    (body === null || (typeof body === 'string' && body.length < MAX_JOINED))
  ) {
    // What a call of the host costs is saved: the answer is what the entry gives.
    answer = `${body === null ? 'n' : 't'}${status} ${headers.length} ${headers}${body === null ? '' : body}`
    return
  }
  post('response', id, status, statusText, headers, body)
  // Each message is a call of its own there, so nothing is gained by waiting for others.
  if (inline) send()
}
/** Sets what a request does. */
export function onFetch(handler: FetchHandler): void {
  handleFetch = handler
  on('fetch', handler)
}

/** What the host calls: with a batch, from its own thread if `b` is true, or from there with one request. */
export function enter(
  a: readonly Message[] | number,
  b: unknown,
  c: string,
  d: string,
  e: unknown,
): string | undefined {
  // The host has taken in what came before it says something.
  underWay = 0
  if (typeof a !== 'number') {
    inline = b === true
    dispatch(a)
    return undefined
  }
  inline = true
  silent = a
  answer = undefined
  try {
    handleFetch(a, b as string, c, d, e)
  } catch (error) {
    report(error)
  }
  leaveContext()
  silent = 0
  return answer
}

/** One bad message does not stop the others. */
function dispatch(batch: readonly Message[]): void {
  for (let index = 0; index < batch.length; index++) {
    const message = batch[index] as Message
    try {
      const handler = handlers.get(message[0]) as ((...data: unknown[]) => void) | undefined
      handler?.(...message.slice(1))
    } catch (error) {
      report(error)
    }
    leaveContext()
  }
}
