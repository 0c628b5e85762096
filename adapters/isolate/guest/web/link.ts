import { abortSignal, AbortSignal, createSignal, onAbort } from './events/abort.ts'
import { keepContext, setContextKeeper } from './async-context.ts'
import { listenersOf } from './events/event-target.ts'
import { Blob, blobBytes } from './data/blob.ts'
import { takeBody } from './fetch/body.ts'
import {
  callSync,
  connect,
  enter,
  type HostCalls,
  on,
  onFetch,
  post,
  reportError,
  request,
  respond,
  toError,
} from './bridge/bridge.ts'
import { readFromHost, readTurn, whenSent, writeToHost } from './bridge/streams.ts'
import { bodyFromHost, bodyToHost, fetchByHost, responseFromHost } from './fetch/fetch.ts'
import { flatHeaders } from './fetch/headers.ts'
import { isReadableStream } from './late.ts'
import { lengthOf } from './body-length.ts'
import { headersText } from './fetch/response.ts'
import { inspect } from './inspect.ts'
import { startClock } from './clock.ts'
import { randomBytes } from './random.ts'
import { eventOf, incomingRequest } from './fetch/request.ts'
import { installWasm } from './wasm.ts'

/**
 * Internals of the web API that the app's half of the guest and the engine need. Tenant code never holds this
 * object.
 */
const link = {
  abortSignal,
  blobBytes,
  bodyFromHost,
  bodyToHost,
  callSync,
  /** Connects an isolate to its engine; called once, before any tenant code runs. */
  connect(host: HostCalls) {
    connect(host)
    startClock()
    // V8 adds WebAssembly to a context only after the context's snapshot has been read.
    installWasm()
  },
  createSignal,
  enter,
  eventOf,
  fetchByHost,
  flatHeaders,
  headersText,
  incomingRequest,
  inspect,
  isBlob: (value: unknown): value is Blob => value instanceof Blob,
  isReadableStream,
  keepContext,
  lengthOf,
  listenersOf,
  isSignal: (value: unknown): value is AbortSignal => value instanceof AbortSignal,
  on,
  onAbort,
  onFetch,
  post,
  randomBytes,
  readFromHost,
  readTurn,
  reportError,
  request,
  respond,
  responseFromHost,
  setContextKeeper,
  takeBody,
  toError,
  whenSent,
  writeToHost,
}
export type Link = typeof link

/**
 * Name of the global that hands over the web API's internals. The global exists only until the app's half of
 * the guest has taken it, before any tenant code runs.
 */
export const LINK = '__unmoor_link'

/** Defines the global that hands over the web API's internals. */
export function installLink(): void {
  Object.defineProperty(globalThis, LINK, { value: link, configurable: true })
}
