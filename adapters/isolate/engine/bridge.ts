import type ivm from 'isolated-vm'
import type { Enter } from './inline-entries.ts'

/** Functions of this process that the code in an isolate may call. */
export interface BridgeEnds {
  /** Receives the messages that an isolate's code sent while it ran on a pool thread, and their weight. */
  receive(batch: unknown, weight: number): void
  /** Receives one message that an isolate's code sent while it ran on the main thread. */
  hear(weight: number, message: unknown[]): void
  /** Answers a synchronous call of the code in an isolate. */
  call(data: [unknown, ...unknown[]]): unknown
}

/**
 * The bridge of one isolate: the reference that enters the isolate, and the functions that the isolate may
 * call.
 */
export interface Bridge {
  readonly dispatch: ivm.Reference<Enter>
  /**
   * Receivers of the isolate's messages and calls, set when an engine takes the isolate. An isolate in the
   * pool is connected before it has an engine.
   */
  ends?: BridgeEnds
}

/** Most weight (about bytes) that one call of the bridge counts with: more than an isolate has memory for. */
const MAX_WEIGHT = 2 ** 30

/**
 * Returns the weight of messages as a number of 0 to 1 GiB. The isolate's code tells the weight, and one who
 * took the bridge over may tell any value: Infinity would be a sum that no report of usage can carry.
 */
export function weightOf(told: unknown): number {
  return typeof told === 'number' && told > 0 ? Math.min(told, MAX_WEIGHT) : 0
}

/**
 * Connects the bridge of an isolate that has only the web API yet. Runs on the main thread, which takes less
 * time than a switch to another thread.
 */
export function connectNow(module: typeof ivm, context: ivm.Context): Bridge {
  const heard: Pick<Bridge, 'ends'> = {}
  return Object.assign(heard, {
    dispatch: context.evalClosureSync(CONNECT, callbacks(module, heard), AS_REFERENCE),
  })
}

/** Connects the bridge of an isolate on another thread, for isolates that nobody waits for. */
export async function connect(module: typeof ivm, context: ivm.Context): Promise<Bridge> {
  const heard: Pick<Bridge, 'ends'> = {}
  return Object.assign(heard, {
    dispatch: await context.evalClosure(CONNECT, callbacks(module, heard), AS_REFERENCE),
  })
}

function callbacks(module: typeof ivm, heard: Pick<Bridge, 'ends'>): ivm.Callback[] {
  return [
    new module.Callback((batch: unknown, weight: unknown) => heard.ends?.receive(batch, weightOf(weight)), {
      ignored: true,
    }),
    new module.Callback(
      (weight: unknown, ...message: unknown[]) => heard.ends?.hear(weightOf(weight), message),
      {
        sync: true,
      },
    ),
    new module.Callback((...data: [unknown, ...unknown[]]) => heard.ends?.call(data), { sync: true }),
  ]
}

const AS_REFERENCE = { result: { reference: true } } as const

// Script that passes this process's callbacks into closures of an isolate's web API. The app's half of the
// guest later removes the link from the global object. Strict mode keeps these functions out of stack frames
// that the app can inspect.
const CONNECT = `
  'use strict'
  const link = globalThis.__unmoor_link
  const post = $0, say = $1, call = $2
  link.connect({ post, say, call })
  return link.enter
`
