import { keepContext } from './async-context.ts'
import { AbortController, AbortSignal } from './events/abort.ts'
import { atob, btoa } from './data/base64.ts'
import { Blob, File } from './data/blob.ts'
import { Body } from './fetch/body.ts'
import { microtask, reportError, setErrorDecoder } from './bridge/bridge.ts'
import { console } from './console.ts'
import {
  absorbBase,
  defineGlobal,
  defineInterface,
  defineLate,
  finish,
  finishInterface,
  hideLate,
  type InterfaceParts,
} from './define.ts'
import { DOM_EXCEPTION_CONSTANTS, DOMException } from './dom-exception.ts'
import { TextDecoder, TextEncoder } from './data/encoding.ts'
import {
  CustomEvent,
  ErrorEvent,
  Event,
  EVENT_CONSTANTS,
  MessageEvent,
  PromiseRejectionEvent,
} from './events/event.ts'
import { EventTarget } from './events/event-target.ts'
import { fetch } from './fetch/fetch.ts'
import { FormData } from './fetch/form-data.ts'
import { globalTarget, installErrorEvents } from './events/global-events.ts'
import { Headers } from './fetch/headers.ts'
import { LATE_INTERFACES, streams } from './late.ts'
import { compression, cryptography, messageChannels, urlPatterns } from './late-parts.ts'
import { Performance, performance } from './performance.ts'
import { Request } from './fetch/request.ts'
import { Response } from './fetch/response.ts'
import { URLSearchParams } from './data/search-params.ts'
import { structuredClone } from './data/structured-clone.ts'
import { clearInterval, clearTimeout, setInterval, setTimeout } from './timers.ts'
import { URL } from './data/url.ts'

/** Web interfaces whose objects every request uses. */
const MET = { Headers, Request, Response }

/** Web interfaces of which most apps use only a few. */
const INTERFACES = {
  AbortController,
  AbortSignal,
  Blob,
  CustomEvent,
  DOMException,
  ErrorEvent,
  Event,
  EventTarget,
  File,
  FormData,
  MessageEvent,
  Performance,
  PromiseRejectionEvent,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
}

const PARTS: Readonly<Record<string, InterfaceParts>> = {
  AbortController: { lengths: { abort: 0 }, brings: AbortSignal },
  AbortSignal: { lengths: { constructor: 0 } },
  Blob: { lengths: { slice: 0 } },
  DOMException: { constants: DOM_EXCEPTION_CONSTANTS },
  Event: { constants: EVENT_CONSTANTS },
  FormData: { lengths: { constructor: 0, append: 2, set: 2, forEach: 1 } },
  Headers: { lengths: { constructor: 0, forEach: 1 } },
  Performance: { lengths: { constructor: 0 } },
  TextDecoder: { lengths: { decode: 0 } },
  URL: { lengths: { constructor: 1, parse: 1, canParse: 1 }, brings: URLSearchParams },
  URLSearchParams: { lengths: { delete: 1, has: 1, forEach: 1 } },
}

const FUNCTIONS = {
  ...globalTarget,
  atob,
  btoa,
  clearInterval,
  clearTimeout,
  fetch,
  setInterval,
  setTimeout,
  structuredClone,
}

/** Defines the web API on `globalThis`. */
export function installGlobals(): void {
  absorbBase(Request, Body)
  absorbBase(Response, Body)
  for (const name in MET) {
    const Class = MET[name as keyof typeof MET]
    finishInterface(name, Class, PARTS[name]?.lengths)
    defineGlobal(name, Class)
  }
  for (const name in INTERFACES)
    defineInterface(name, INTERFACES[name as keyof typeof INTERFACES], PARTS[name])
  defineParts(streams, LATE_INTERFACES.streams)
  defineParts(compression, LATE_INTERFACES.compression)
  defineParts(cryptography, LATE_INTERFACES.cryptography)
  defineParts(messageChannels, LATE_INTERFACES.messageChannels)
  defineParts(urlPatterns, LATE_INTERFACES.urlPatterns)
  for (const name in FUNCTIONS) defineFunction(name, FUNCTIONS[name as keyof typeof FUNCTIONS])
  defineFunction('queueMicrotask', (callback: unknown) => {
    if (typeof callback !== 'function') throw new TypeError('queueMicrotask takes a function')
    const kept = keepContext(callback as () => unknown)
    microtask(() => {
      try {
        kept()
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
  defineLate('crypto', () => cryptography().crypto)
  defineLate('performance', () => {
    finish(Performance)
    return performance
  })
  defineGlobal('navigator', Object.freeze({ userAgent: 'unmoor' }))
  defineGlobal('self', globalThis)
  hideLate()
  installErrorHandling()
}

function defineParts<Name extends string>(
  load: () => Readonly<Record<Name, unknown>>,
  names: readonly Name[],
): void {
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as Name
    defineLate(name, () => load()[name])
  }
}

function defineFunction(name: string, value: (...args: never[]) => unknown): void {
  Object.defineProperty(value, 'name', { value: name, configurable: true })
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true })
}

function installErrorHandling(): void {
  installErrorEvents()
  // The engine sends an error as its name and message; the stack trace stays in the engine.
  setErrorDecoder((data) => {
    const { name, message, unmoor } = (data ?? {}) as { name?: string; message?: string; unmoor?: unknown }
    // The data of a binding's error passes through: the app's half of the guest creates the error with its
    // own class.
    if (unmoor !== undefined) return data
    if (name === 'TypeError') return new TypeError(message)
    if (name === 'RangeError') return new RangeError(message)
    if (name === 'SyntaxError') return new SyntaxError(message)
    return name === undefined || name === 'Error' ? new Error(message) : new DOMException(message, name)
  })
}
