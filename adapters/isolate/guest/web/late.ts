/**
 * Parts of the web API that most apps never touch: their modules are evaluated when somebody does. The bundler makes a function of each module that is required,
 * and V8 neither compiles nor keeps code for a function that nobody has called. Streams alone are a third of the web API's code and of what running it allocates.
 */
import { finished } from './late-interfaces.ts'
import type * as Compression from './compression.ts'
import type * as Cryptography from './crypto.ts'
import type * as MessageChannels from './message-channel.ts'
import type * as UrlPatterns from 'urlpattern-polyfill/urlpattern'

/** The bundler's; it wants the path as it is after TypeScript. */
declare const require: (path: string) => unknown

let loadedCompression: typeof Compression | undefined
let loadedCryptography: typeof Cryptography | undefined
let loadedMessageChannels: typeof MessageChannels | undefined
let loadedUrlPatterns: typeof UrlPatterns | undefined

export const compression = (): typeof Compression => (loadedCompression ??= finished('compression', require('./compression.js') as typeof Compression))
export const cryptography = (): typeof Cryptography => (loadedCryptography ??= finished('cryptography', require('./crypto.js') as typeof Cryptography))
export const messageChannels = (): typeof MessageChannels =>
  (loadedMessageChannels ??= finished('messageChannels', require('./message-channel.js') as typeof MessageChannels))
export const urlPatterns = (): typeof UrlPatterns =>
  (loadedUrlPatterns ??= finished('urlPatterns', require('urlpattern-polyfill/urlpattern') as typeof UrlPatterns))
