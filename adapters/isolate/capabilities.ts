import type { Capabilities } from '../../core/capabilities.ts'
import { SERVER_CAPABILITIES, SERVER_SOCKETS } from '../node-server/target.ts'

/** Capabilities of the target `isolate`: those of the Node server, and its sockets. */
export const capabilities: Capabilities = { ...SERVER_CAPABILITIES, ...SERVER_SOCKETS }
