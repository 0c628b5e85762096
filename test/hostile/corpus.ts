import type { AttackClass } from './attack.ts'
import { bridge } from './classes/bridge.ts'

/** Every class of attacks. SECURITY.md names each beside the promise that it holds. */
export const CORPUS: readonly AttackClass[] = [bridge]
