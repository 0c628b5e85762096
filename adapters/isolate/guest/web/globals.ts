import { URLPattern } from 'urlpattern-polyfill/urlpattern'
import { AbortController, AbortSignal } from './abort.ts'
import { atob, btoa } from './base64.ts'
import { Blob, File } from './blob.ts'
import { Body } from './body.ts'
import { microtask, reportError, setErrorDecoder } from './bridge.ts'
import { CompressionStream, DecompressionStream } from './compression.ts'
import { console } from './console.ts'
import { Crypto, crypto, SubtleCrypto } from './crypto.ts'
import { CryptoKey } from './crypto-key.ts'
import { absorbBase, defineGlobal, defineInterface, type Lengths } from './define.ts'
import { DOMException } from './dom-exception.ts'
import { TextDecoder, TextEncoder } from './encoding.ts'
import { CustomEvent, ErrorEvent, Event, MessageEvent, PromiseRejectionEvent } from './event.ts'
import { EventTarget } from './event-target.ts'
import { fetch } from './fetch.ts'
import { FormData } from './form-data.ts'
import { globalTarget, installErrorEvents } from './global-events.ts'
import { Headers } from './headers.ts'
import { MessageChannel, MessagePort } from './message-channel.ts'
import { Performance, performance } from './performance.ts'
import { Request } from './request.ts'
import { Response } from './response.ts'
import { URLSearchParams } from './search-params.ts'
import { STREAM_CLASSES, TextDecoderStream, TextEncoderStream } from './streams.ts'
import { structuredClone } from './structured-clone.ts'
import { clearInterval, clearTimeout, setInterval, setTimeout } from './timers.ts'
import { URL } from './url.ts'

const INTERFACES = {
  AbortController,
  AbortSignal,
  Blob,
  CompressionStream,
  Crypto,
  CryptoKey,
  CustomEvent,
  DecompressionStream,
  DOMException,
  ErrorEvent,
  Event,
  EventTarget,
  File,
  FormData,
  Headers,
  MessageChannel,
  MessageEvent,
  MessagePort,
  Performance,
  PromiseRejectionEvent,
  Request,
  Response,
  SubtleCrypto,
  TextDecoder,
  TextDecoderStream,
  TextEncoder,
  TextEncoderStream,
  URL,
  URLPattern,
  URLSearchParams,
  ...STREAM_CLASSES,
}

/** Where optional parameters count in a function's `length`, but not in the standard's. */
const LENGTHS: Readonly<Record<string, Lengths>> = {
  AbortController: { abort: 0 },
  AbortSignal: { constructor: 0 },
  Blob: { slice: 0 },
  Crypto: { constructor: 0 },
  CryptoKey: { constructor: 0 },
  FormData: { constructor: 0, append: 2, set: 2, forEach: 1 },
  Headers: { constructor: 0, forEach: 1 },
  MessagePort: { constructor: 0 },
  Performance: { constructor: 0 },
  SubtleCrypto: { constructor: 0 },
  TextDecoder: { decode: 0 },
  URL: { constructor: 1, parse: 1, canParse: 1 },
  URLSearchParams: { delete: 1, has: 1, forEach: 1 },
}

const FUNCTIONS = { ...globalTarget, atob, btoa, clearInterval, clearTimeout, fetch, setInterval, setTimeout, structuredClone }

/** Defines everything on `globalThis`. */
export function installGlobals(): void {
  absorbBase(Request, Body)
  absorbBase(Response, Body)
  for (const [name, Class] of Object.entries(INTERFACES)) defineInterface(name, Class, LENGTHS[name])
  for (const [name, value] of Object.entries(FUNCTIONS)) defineFunction(name, value)
  defineFunction('queueMicrotask', (callback: unknown) => {
    if (typeof callback !== 'function') throw new TypeError('queueMicrotask takes a function')
    microtask(() => {
      try {
        callback()
      } catch (error) {
        reportError(error)
      }
    })
  })
  defineFunction('reportError', function (error: unknown) {
    if (arguments.length === 0) throw new TypeError('reportError takes an error')
    reportError(error)
  })
  defineGlobal('console', console)
  defineGlobal('crypto', crypto)
  defineGlobal('performance', performance)
  defineGlobal('navigator', Object.freeze({ userAgent: 'unmoor' }))
  defineGlobal('self', globalThis)
  installErrorHandling()
}

function defineFunction(name: string, value: (...args: never[]) => unknown): void {
  Object.defineProperty(value, 'name', { value: name, configurable: true })
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true })
}

function installErrorHandling(): void {
  installErrorEvents()
  // What the host refuses comes as a name and a message; its stack stays there.
  setErrorDecoder((data) => {
    const { name, message, unmoor } = (data ?? {}) as { name?: string; message?: string; unmoor?: unknown }
    // A binding's error: the app's half makes it one of its own class.
    if (unmoor !== undefined) return data
    if (name === 'TypeError') return new TypeError(message)
    if (name === 'RangeError') return new RangeError(message)
    if (name === 'SyntaxError') return new SyntaxError(message)
    return name === undefined || name === 'Error' ? new Error(message) : new DOMException(message, name)
  })
}
