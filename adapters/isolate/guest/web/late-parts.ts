/**
 * The late parts of the web API (`late.ts`) other than streams. They have a module of their own because they
 * use streams, and their types would form a cycle with `late.ts`.
 */
import { finished } from './late.ts'
import type * as Compression from './compression.ts'
import type * as Cryptography from './crypto.ts'
import type * as MessageChannels from './message-channel.ts'
import type * as UrlPatterns from 'urlpattern-polyfill/urlpattern'

/** The bundler's `require`, which loads late parts of the web API; `path` is that of the compiled module. */
declare const require: (path: string) => unknown

let loadedCompression: typeof Compression | undefined
let loadedCryptography: typeof Cryptography | undefined
let loadedMessageChannels: typeof MessageChannels | undefined
let loadedUrlPatterns: typeof UrlPatterns | undefined

export const compression = (): typeof Compression =>
  (loadedCompression ??= finished('compression', require('./compression.js') as typeof Compression))
export const cryptography = (): typeof Cryptography =>
  (loadedCryptography ??= finished('cryptography', require('./crypto.js') as typeof Cryptography))
export const messageChannels = (): typeof MessageChannels =>
  (loadedMessageChannels ??= finished(
    'messageChannels',
    require('./message-channel.js') as typeof MessageChannels,
  ))
export const urlPatterns = (): typeof UrlPatterns =>
  (loadedUrlPatterns ??= finished(
    'urlPatterns',
    require('urlpattern-polyfill/urlpattern') as typeof UrlPatterns,
  ))
