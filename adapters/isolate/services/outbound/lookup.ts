import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { OutboundPolicy } from './rules.ts'

/** Finds all addresses of a host name. */
export type Resolve = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void

/**
 * Most host names that one app may have looked up at once: the system's resolver works on libuv's threads, of
 * which a process has few.
 */
const MAX_LOOKUPS = 2

export const resolveBySystem: Resolve = (hostname, callback) =>
  systemLookup(hostname, { all: true }, callback)

/**
 * Looks up and checks IP addresses for an app's connections to the network. A connection goes to the address
 * that was checked, so that a name cannot mean one address when it is checked and another when it is used.
 * Addresses that the policy refuses are left out; if none is left, the connection fails with the refusal.
 */
export class CheckedLookup {
  #policy: OutboundPolicy
  #resolve: Resolve
  #running = 0
  #waiting: (() => void)[] = []

  constructor(policy: OutboundPolicy, resolve: Resolve) {
    this.#policy = policy
    this.#resolve = resolve
  }

  forPort(port: number): LookupFunction {
    return (hostname, options, callback) => {
      this.#inTurn((done) =>
        this.#resolve(hostname, (error, addresses) => {
          done()
          if (error !== null) return callback(error, '', 0)
          const { fine, refusal } = this.#check(hostname, addresses, port)
          const first = fine[0]
          if (first === undefined) return callback(refusal ?? new Error(`${hostname} has no address`), '', 0)
          if (options.all === true) callback(null, [...fine])
          else callback(null, first.address, first.family)
        }),
      )
    }
  }

  #check(
    hostname: string,
    addresses: readonly LookupAddress[],
    port: number,
  ): { fine: LookupAddress[]; refusal: Error | undefined } {
    let refusal: Error | undefined
    const fine = addresses.filter(({ address }) => {
      try {
        this.#policy.check(hostname, address, port)
        return true
      } catch (error) {
        refusal = error as Error
        return false
      }
    })
    return { fine, refusal }
  }

  #inTurn(work: (done: () => void) => void): void {
    if (this.#running >= MAX_LOOKUPS) {
      this.#waiting.push(() => this.#start(work))
      return
    }
    this.#start(work)
  }

  #start(work: (done: () => void) => void): void {
    this.#running++
    work(() => {
      this.#running--
      this.#waiting.shift()?.()
    })
  }
}
