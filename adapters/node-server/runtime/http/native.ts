import { Readable } from 'node:stream'

/** undici's own Request, Response and fetch, captured before globals.ts replaces them. */
export const NativeRequest = globalThis.Request
export const NativeResponse = globalThis.Response
export const nativeFetch = globalThis.fetch

/**
 * Returns true if a web stream was read from or cancelled. The cast is needed because Node's types know only
 * their own web streams.
 */
export function isDisturbed(stream: ReadableStream): boolean {
  return Readable.isDisturbed(stream as unknown as NodeJS.ReadableStream)
}
