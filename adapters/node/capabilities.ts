import type { Capabilities } from '../../core/capabilities.ts'
import { SERVER_CAPABILITIES, SERVER_SOCKETS } from '../node-server/target.ts'

/** What an app can do on the target `node`: all that the Node server can, and sockets of its process. */
export const capabilities: Capabilities = { ...SERVER_CAPABILITIES, ...SERVER_SOCKETS }
