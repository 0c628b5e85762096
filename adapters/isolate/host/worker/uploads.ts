import type { IncomingMessage } from 'node:http'

/** Counts the requests of one app whose body has not fully arrived, in total and by client address. */
export class Uploads {
  #max: number
  #all = 0
  #byAddress = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#all
  }

  /**
   * Counts an HTTP request until its body has arrived or its connection ends. Returns false beyond the limit.
   */
  begin(incoming: IncomingMessage, address: string): boolean {
    const ofAddress = this.#byAddress.get(address) ?? 0
    if (this.#all >= this.#max || ofAddress >= Math.ceil(this.#max / 2)) return false
    this.#all++
    this.#byAddress.set(address, ofAddress + 1)
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      this.#all--
      const left = (this.#byAddress.get(address) ?? 1) - 1
      if (left === 0) this.#byAddress.delete(address)
      else this.#byAddress.set(address, left)
    }
    incoming.once('end', end)
    incoming.once('close', end)
    return true
  }
}

/** True if a request has a body that has not fully arrived. */
export function awaitsBody({ headers, complete }: IncomingMessage): boolean {
  if (complete) return false
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}
