import type ivm from 'isolated-vm'
import type { Enter } from './inline-entries.ts'

/** What an isolate may call. */
export interface BridgeEnds {
  /** Messages said on another thread, and their weight. */
  receive(batch: unknown, weight: unknown): void
  /** One message, said in the host's own thread. */
  hear(weight: unknown, message: unknown[]): void
  /** A synchronous call. */
  call(data: [unknown, ...unknown[]]): unknown
}

/** The way into an isolate and out of it. */
export interface Bridge {
  readonly dispatch: ivm.Reference<Enter>
  /**
   * Who hears it: given when the isolate is, as one that waits in a pool is connected before anybody has it.
   */
  ends?: BridgeEnds
}

/**
 * Connects an isolate that has the web API and nothing else yet. In this thread: it takes less than a switch
 * to another.
 */
export function connectNow(module: typeof ivm, context: ivm.Context): Bridge {
  const heard: Pick<Bridge, 'ends'> = {}
  return Object.assign(heard, {
    dispatch: context.evalClosureSync(CONNECT, callbacks(module, heard), AS_REFERENCE),
  })
}

/** Connects on another thread, for an isolate that nobody waits for. */
export async function connect(module: typeof ivm, context: ivm.Context): Promise<Bridge> {
  const heard: Pick<Bridge, 'ends'> = {}
  return Object.assign(heard, {
    dispatch: await context.evalClosure(CONNECT, callbacks(module, heard), AS_REFERENCE),
  })
}

function callbacks(module: typeof ivm, heard: Pick<Bridge, 'ends'>): ivm.Callback[] {
  return [
    new module.Callback((batch: unknown, weight: unknown) => heard.ends?.receive(batch, weight), {
      ignored: true,
    }),
    new module.Callback((weight: unknown, ...message: unknown[]) => heard.ends?.hear(weight, message), {
      sync: true,
    }),
    new module.Callback((...data: [unknown, ...unknown[]]) => heard.ends?.call(data), { sync: true }),
  ]
}

const AS_REFERENCE = { result: { reference: true } } as const

// Takes the callbacks into the web API's closures. The app's half of the guest takes the link off the global
// afterwards. Strict, so that no stack frame gives these functions away.
const CONNECT = `
  'use strict'
  const link = globalThis.__unmoor_link
  const post = $0, say = $1, call = $2
  link.connect({ post, say, call })
  return link.enter
`
