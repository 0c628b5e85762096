import { Readable } from 'node:stream'

/** undici's own classes and fetch, as they were before globals.ts put others in their place. */
export const NativeRequest = globalThis.Request
export const NativeResponse = globalThis.Response
export const nativeFetch = globalThis.fetch

/** Whether a web stream was read from or cancelled. */
export const isDisturbed = Readable.isDisturbed as unknown as (stream: ReadableStream) => boolean
