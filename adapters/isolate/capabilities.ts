import type { Capabilities } from '../../core/capabilities.ts'
import { SERVER_CAPABILITIES, SERVER_SOCKETS } from '../node-server/target.ts'

/** What an app can do on the target `isolate`: all that the Node server can, and its sockets too. */
export const capabilities: Capabilities = { ...SERVER_CAPABILITIES, ...SERVER_SOCKETS }
