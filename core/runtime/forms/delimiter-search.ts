/** Returns the position of the next multipart delimiter that begins a line, or -1 if there is none. */
export type FindDelimiter = (from: number) => number

const LF = 10

/**
 * Creates a search for the lines of a form's `bytes` that begin with `needle`. It takes steps as long as the
 * needle (Horspool), which is far faster than looking at each byte. In text that repeats the needle's own
 * bytes each step would cost the needle's length, so a search that has compared too much goes on byte by byte
 * (Knuth, Morris and Pratt), and the time is linear for any text and any needle.
 */
export function delimiterSearch(bytes: Uint8Array, needle: Uint8Array): FindDelimiter {
  const size = needle.length
  const last = size - 1
  const lastByte = needle[last]
  const steps = new Uint32Array(256).fill(size)
  for (let index = 0; index < last; index++) steps[needle[index] as number] = last - index
  let borders: Uint32Array | undefined

  return (from) => {
    let compared = 0
    let end = from + last
    while (end < bytes.length) {
      const byte = bytes[end] as number
      if (byte === lastByte) {
        const start = end - last
        let index = last
        while (index > 0 && bytes[start + index - 1] === needle[index - 1]) index--
        if (index === 0 && beginsLine(bytes, start)) return start
        compared += last - index
        if (compared > 4 * (end - from) + 1024)
          return searchByByte(bytes, needle, (borders ??= bordersOf(needle)), start)
      }
      end += steps[byte] as number
    }
    return -1
  }
}

function beginsLine(bytes: Uint8Array, at: number): boolean {
  return at === 0 || bytes[at - 1] === LF
}

function searchByByte(bytes: Uint8Array, needle: Uint8Array, borders: Uint32Array, from: number): number {
  let matched = 0
  for (let at = from; at < bytes.length; at++) {
    while (matched > 0 && bytes[at] !== needle[matched]) matched = borders[matched - 1] as number
    if (bytes[at] === needle[matched]) matched++
    if (matched < needle.length) continue
    const start = at - needle.length + 1
    if (beginsLine(bytes, start)) return start
    matched = borders[matched - 1] as number
  }
  return -1
}

/**
 * Returns, for each prefix of the search's needle, the length of the longest proper prefix that is also a
 * suffix of that prefix (the failure table of Knuth, Morris and Pratt).
 */
function bordersOf(needle: Uint8Array): Uint32Array {
  const borders = new Uint32Array(needle.length)
  let matched = 0
  for (let at = 1; at < needle.length; at++) {
    while (matched > 0 && needle[at] !== needle[matched]) matched = borders[matched - 1] as number
    if (needle[at] === needle[matched]) matched++
    borders[at] = matched
  }
  return borders
}
