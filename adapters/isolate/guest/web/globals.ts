import { URLPattern } from 'urlpattern-polyfill/urlpattern'
import { AbortController, AbortSignal } from './abort.ts'
import { atob, btoa } from './base64.ts'
import { Blob, File } from './blob.ts'
import { microtask, reportError, setErrorDecoder, setReporter } from './bridge.ts'
import { CompressionStream, DecompressionStream } from './compression.ts'
import { console } from './console.ts'
import { Crypto, crypto, SubtleCrypto } from './crypto.ts'
import { CryptoKey } from './crypto-key.ts'
import { defineGlobal, defineInterface } from './define.ts'
import { DOMException } from './dom-exception.ts'
import { TextDecoder, TextEncoder } from './encoding.ts'
import { CustomEvent, ErrorEvent, Event, MessageEvent, PromiseRejectionEvent } from './event.ts'
import { EventTarget } from './event-target.ts'
import { fetch } from './fetch.ts'
import { FormData } from './form-data.ts'
import { Headers } from './headers.ts'
import { inspect } from './inspect.ts'
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

const FUNCTIONS = { atob, btoa, clearInterval, clearTimeout, fetch, setInterval, setTimeout, structuredClone }

/** Defines everything on `globalThis`. */
export function installGlobals(): void {
  for (const [name, Class] of Object.entries(INTERFACES)) defineInterface(name, Class)
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
  defineFunction('reportError', (error: unknown) => reportError(error))
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
  for (const name of ['onerror', 'onunhandledrejection', 'onrejectionhandled'])
    Object.defineProperty(globalThis, name, { value: null, writable: true, configurable: true, enumerable: true })
  setReporter((error) => {
    const handler = (globalThis as { onerror?: unknown }).onerror
    if (typeof handler === 'function') {
      try {
        if (handler(inspect(error), '', 0, 0, error) === true) return
      } catch (thrown) {
        console.error('onerror threw:', thrown)
      }
    }
    console.error('Uncaught', error)
  })
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
