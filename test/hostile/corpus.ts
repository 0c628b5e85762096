import type { AttackClass } from './attack.ts'
import { bridge } from './classes/bridge.ts'
import { cpu } from './classes/cpu.ts'
import { framing } from './classes/framing.ts'
import { memory } from './classes/memory.ts'
import { smuggling } from './classes/smuggling.ts'
import { timers } from './classes/timers.ts'

/** Every class of attacks. SECURITY.md names each beside the promise that it holds. */
export const CORPUS: readonly AttackClass[] = [bridge, framing, smuggling, memory, cpu, timers]
