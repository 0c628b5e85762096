/**
 * An isolate's end of the bridge to its engine. Messages are flat arrays `[operation, ...data]`, which
 * isolated-vm copies as data. Messages queued during an entry are sent when its microtasks are done: in one
 * call that nobody waits for, or, if the entry is inline, in one call per message, which is cheaper there.
 */

import { leaveContext } from '../async-context.ts'
import { Lane } from './lane.ts'
import { weigh } from './weigh.ts'

/**
 * Most weight of messages on their way to the engine, which takes them in on the one thread that all tenants
 * share. Beyond this weight the guest blocks until the engine has taken them in.
 */
const MAX_UNDER_WAY = 4 * 1024 * 1024

/** One message between isolate and engine, across the bridge. */
export type Message = readonly [operation: string, ...data: unknown[]]
/**
 * Functions that the engine passes into an isolate as copied callbacks. Only this module's closure holds
 * them.
 */
export interface HostCalls {
  /**
   * Sends a batch of messages and its weight to the engine, from a thread of the pool. Returns nothing and
   * never throws.
   */
  post(batch: readonly Message[], weight: number): void
  /**
   * Sends one message to the engine while the engine waits on this same thread. The first message of a batch
   * carries the weight of the whole batch.
   */
  say(weight: number, ...message: Message): void
  /** Calls the engine synchronously from the isolate. */
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
/** True if the current entry into the isolate is inline, on the main thread of the process. */
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
// Operations of the engine of which an isolate has only a limited number in progress at once. Other
// operations, such as compression, need no limit: their calls wait for each other within one stream.
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

/** Runs `work` as a microtask, even if a tenant has replaced `queueMicrotask` or `Promise.prototype.then`. */
export function microtask(work: () => void): void {
  void apply(then, resolved, [work])
}

/** Connects the guest to the engine. Before that, while a snapshot is built, nothing reaches the engine. */
export function connect(hostCalls: HostCalls): void {
  host = hostCalls
}

/** Sends a message from the isolate to the engine. */
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

// Sends the messages queued for the engine once a microtask has added none, but after at most 16 microtasks:
// microtasks that follow may queue more.
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
  // The engine answers `taken` when it has taken in everything that was sent before.
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

/** Calls the engine and blocks the isolate until the answer. @throws what the engine throws. */
export function callSync(operation: string, ...data: unknown[]): unknown {
  return connected().call(operation, ...data)
}

function connected(): HostCalls {
  if (host === undefined) throw new Error('The host is not connected yet.')
  return host
}

/** Sends a message from the isolate to the engine and resolves with its answer. */
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

/** Registers the handler of one kind of message from the engine. */
export function on(operation: string, handler: Handler): void {
  handlers.set(operation, handler)
}

let decodeError: (data: unknown) => unknown = (data) => data
/** Sets the function that converts an error's data from the engine to the error that the app sees. */
export function setErrorDecoder(decode: (data: unknown) => unknown): void {
  decodeError = decode
}
/** Converts an error's data from the engine to the error that the app sees. */
export function toError(data: unknown): unknown {
  return decodeError(data)
}

on('ok', (id: number, value: unknown) => settle(id)?.resolve(value))
on('error', (id: number, data: unknown) => settle(id)?.reject(decodeError(data)))

let report: (error: unknown) => void = () => {}
/** Sets the function that receives an isolate's uncaught errors, such as those of event listeners. */
export function setReporter(reporter: (error: unknown) => void): void {
  report = reporter
}
/** Reports an uncaught error of the isolate, such as that of an event listener. */
export function reportError(error: unknown): void {
  report(error)
}

type FetchHandler = (id: number, method: string, url: string, headers: string, body: unknown) => void
let handleFetch: FetchHandler = () => {}
/** Id of the request whose handler is in its synchronous part and has sent nothing; 0 if there is none. */
let silent = 0
let answer: string | undefined

/**
 * Longest answer body, in characters, that an inline entry returns as one string. Longer answers are sent as
 * a message.
 */
const MAX_JOINED = 16 * 1024

/** Sends the app's response to a request to the engine. */
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
    // The app's answer to a request becomes the return value of the entry, which saves a call of the engine.
    answer = `${body === null ? 'n' : 't'}${status} ${headers.length} ${headers}${body === null ? '' : body}`
    return
  }
  post('response', id, status, statusText, headers, body)
  // In an inline entry each message is a call of its own, so waiting for other messages gains nothing.
  if (inline) send()
}
/** Sets the isolate's handler of incoming requests. */
export function onFetch(handler: FetchHandler): void {
  handleFetch = handler
  on('fetch', handler)
}

/**
 * Entry point of the isolate, which the engine calls: with a batch of messages, on the main thread if `b` is
 * true, or, always on the main thread, with one request.
 */
export function enter(
  a: readonly Message[] | number,
  b: unknown,
  c: string,
  d: string,
  e: unknown,
): string | undefined {
  // The engine takes in all earlier messages before it enters the guest again.
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

/**
 * Handles each message of a batch from the engine. A message whose handler throws does not stop the others.
 */
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
