import { Readable } from 'node:stream'

/** undici's own classes and fetch, as they were before globals.ts put others in their place. */
export const NativeRequest = globalThis.Request
export const NativeResponse = globalThis.Response
export const nativeFetch = globalThis.fetch

/**
 * True if a web stream was read from or cancelled. Node's types know web streams here only by a class of
 * their own.
 */
export function isDisturbed(stream: ReadableStream): boolean {
  return Readable.isDisturbed(stream as unknown as NodeJS.ReadableStream)
}
