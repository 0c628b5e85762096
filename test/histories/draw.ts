import { random } from '../hostile/draw.ts'

/** Choices that a seed alone decides. */
export class Draw {
  #next: () => number

  constructor(seed: number) {
    this.#next = random(seed)
  }

  /** Returns a whole number from 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.#next() * below)
  }

  /** Returns true in so many of 100 draws. */
  percent(share: number): boolean {
    return this.#next() * 100 < share
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(from.length)] as T
  }
}

/** A number from 0 to 99 that a text and a seed alone decide, for choices that depend on no order. */
export function percentOf(text: string, seed: number): number {
  let hash = seed | 0
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return Math.floor(random(hash)() * 100)
}
